"""The link in the letter: a token that the notifier signed, and only its public key is here."""

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from s4_runtime import Clock, Permanent, is_id

_LONGEST = 4096  # bytes; ours have about 500


class ClaimKeyUnusable(Permanent):
    """The setting does not hold an Ed25519 public key in PEM."""


class Claim(msgspec.Struct, frozen=True):
    """What a genuine token says. ``is_expired`` tokens are still good for asking for a new letter."""

    letter_id: str
    account_id: str
    grid_id: str
    claim_ref: str
    is_expired: bool


class ClaimVerifier:
    """Checks tokens: EdDSA and nothing else, from the notifier, for this site."""

    def __init__(self, public_key_pem: str, clock: Clock) -> None:
        try:
            key = load_pem_public_key(public_key_pem.encode())
        except ValueError:
            raise ClaimKeyUnusable("claim-public-key-unusable") from None
        if not isinstance(key, Ed25519PublicKey):
            raise ClaimKeyUnusable("claim-public-key-not-ed25519")
        self._key = key
        self._clock = clock

    def read(self, token: str) -> Claim | None:
        """The claim in the token, or None when it is not a genuine one."""
        if not 0 < len(token) <= _LONGEST:
            return None
        try:
            said = jwt.decode(
                token,
                self._key,
                algorithms=["EdDSA"],
                audience="s4-web",
                issuer="s4-notifier",
                options={
                    "require": ["iss", "aud", "sub", "jti", "iat", "exp", "grid", "ref"],
                    "verify_exp": False,  # an injected clock decides, below
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError:
            return None
        ids = (said["jti"], said["sub"], said["grid"])
        if not all(isinstance(text, str) and is_id(text) for text in ids) or not isinstance(said["ref"], str):
            return None
        if not isinstance(said["exp"], int | float):
            return None
        is_expired = said["exp"] <= self._clock.now().timestamp()
        return Claim(*ids, claim_ref=said["ref"], is_expired=is_expired)

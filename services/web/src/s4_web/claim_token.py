"""The link in the letter: a token that the notifier signed, and only its public key is here."""

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.types import Options

from s4_runtime import Clock, Permanent, is_id

_LONGEST = 4096  # bytes; ours have about 500

# Whether it has expired is decided below, by a clock that is given; expired ones are read too.
_OPTIONS: Options = {"require": ["iss", "aud", "iat"], "verify_exp": False, "verify_iat": False}


class _Said(msgspec.Struct, frozen=True):
    jti: str
    sub: str
    grid: str
    ref: str
    exp: float


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
            raise Permanent("claim-public-key-unusable") from None
        if not isinstance(key, Ed25519PublicKey):
            raise Permanent("claim-public-key-not-ed25519")
        self._key = key
        self._clock = clock

    def read(self, token: str) -> Claim | None:
        """The claim in the token, or None when it is not a genuine one."""
        if not 0 < len(token) <= _LONGEST:
            return None
        try:
            said = jwt.decode(
                token, self._key, algorithms=["EdDSA"], audience="s4-web", issuer="s4-notifier", options=_OPTIONS
            )
            claim = msgspec.convert(said, _Said)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            return None
        ids = (claim.jti, claim.sub, claim.grid)
        if not all(map(is_id, ids)):
            return None
        return Claim(*ids, claim_ref=claim.ref, is_expired=claim.exp <= self._clock.now().timestamp())

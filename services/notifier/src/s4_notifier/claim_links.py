"""Links that let their bearer claim a furl once."""

from datetime import timedelta

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from s4_notifier.store import OwedLetter
from s4_runtime import Permanent, Secret


class ClaimKeyUnusable(Permanent):
    """The setting S4_CLAIM_PRIVATE_KEY is not an Ed25519 private key in PEM."""


class ClaimLinks:
    """Signs links. The same letter always gets the same link, because EdDSA is deterministic (RFC 8032)."""

    def __init__(self, key: Secret, public_url: str, lifetime: timedelta) -> None:
        try:
            loaded = load_pem_private_key(key.reveal().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ClaimKeyUnusable("claim-private-key-unusable") from None
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ClaimKeyUnusable("claim-private-key-unusable")
        self._key = loaded
        self._public_url = public_url.rstrip("/")
        self._lifetime = lifetime

    def link(self, letter: OwedLetter) -> Secret:
        """The address of the claim page with a token for web (RFC 8037: JWT signed with Ed25519)."""
        issued = int(letter.issued_at.timestamp())
        claims = {
            "iss": "s4-notifier",
            "aud": "s4-web",
            "sub": letter.account_id,
            "jti": letter.letter_id,
            "grid": letter.grid_id,
            "ref": letter.claim_ref,
            "iat": issued,
            "exp": issued + int(self._lifetime.total_seconds()),
        }
        token = jwt.encode(claims, self._key, algorithm="EdDSA")
        return Secret(f"{self._public_url}/claim?token={token}")

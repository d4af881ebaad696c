"""Where a letter leads: to the account, or by a token to what its bearer may do once."""

from datetime import datetime, timedelta

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from s4_notifier.settings import Settings
from s4_notifier.store import OwedLetter
from s4_runtime import Permanent, Secret


class ClaimKeyUnusable(Permanent):
    """The setting S4_CLAIM_PRIVATE_KEY is not an Ed25519 private key in PEM."""


class Link(msgspec.Struct, frozen=True):
    """An address of the site. ``ends_at`` is when its token ends; without one there is nothing to end."""

    address: Secret
    ends_at: datetime | None = None


class Links:
    """Signs links. The same letter always gets the same link, because EdDSA is deterministic (RFC 8032)."""

    def __init__(self, settings: Settings) -> None:
        try:
            loaded = load_pem_private_key(settings.claim_private_key.reveal().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ClaimKeyUnusable("claim-private-key-unusable") from None
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ClaimKeyUnusable("claim-private-key-unusable")
        self._key = loaded
        self._settings = settings
        self._site = settings.public_url.rstrip("/")

    def of(self, letter: OwedLetter) -> Link:
        """The letter's one link."""
        match letter.kind:
            case "welcome" | "invite":
                grid = {"aud": "s4-web", "grid": letter.grid_id, "ref": letter.claim_ref}
                return self._signed("claim", letter, self._settings.link_lifetime, grid)
            case "sign-in":
                return self._signed("sign-in/link", letter, self._settings.sign_in_lifetime, {"aud": "s4-web-sign-in"})
            case _:
                return Link(Secret(f"{self._site}/account"))

    def _signed(self, page: str, letter: OwedLetter, lifetime: timedelta, purpose: dict[str, str | None]) -> Link:
        """The page with a token for web (RFC 8037: JWT signed with Ed25519)."""
        ends_at = letter.issued_at + lifetime
        claims = {
            "iss": "s4-notifier",
            "sub": letter.account_id,
            "jti": letter.letter_id,
            **purpose,
            "iat": int(letter.issued_at.timestamp()),
            "exp": int(ends_at.timestamp()),
        }
        token = jwt.encode(claims, self._key, algorithm="EdDSA")
        return Link(Secret(f"{self._site}/{page}?token={token}"), ends_at)

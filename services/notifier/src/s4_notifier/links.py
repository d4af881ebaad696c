"""Where a letter leads: to the account, or by a token to what its bearer may do once."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from s4_notifier.kinds import OPTIONAL
from s4_notifier.settings import Settings
from s4_notifier.store import OwedLetter
from s4_runtime import Permanent, Secret, derived_id

_SPARE = timedelta(days=1)
_FOR_EVER = timedelta(days=3650)


class ClaimKeyUnusable(Permanent):
    """The setting S4_CLAIM_PRIVATE_KEY is not an Ed25519 private key in PEM."""


class Link(msgspec.Struct, frozen=True):
    """An address of the site. ``ends_at`` is when its token ends; without one there is nothing to end.

    ``stop`` is where letters that can be done without are left off.
    """

    address: Secret
    ends_at: datetime | None = None
    stop: Secret | None = None


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of links. Raises ClaimKeyUnusable."""
    try:
        loaded = load_pem_private_key(settings.claim_private_key.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ClaimKeyUnusable("claim-private-key-unusable") from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ClaimKeyUnusable("claim-private-key-unusable")
    return loaded


class Links:
    """Signs links. The same letter always gets the same link, because EdDSA is deterministic (RFC 8032)."""

    def __init__(self, settings: Settings) -> None:
        self._key = signing_key(settings)
        self._settings = settings
        self._site = settings.public_url.rstrip("/")

    def of(self, letter: OwedLetter) -> Link:
        """The letter's one link, and where letters of its kind are left off. A copy has the link of its original."""
        told = self._settings
        stop = self._stop(letter) if letter.kind in OPTIONAL else None
        match letter.kind:
            case "welcome" | "invite" | "reminder":
                grid = {"aud": "s4-web", "grid": letter.grid_id, "ref": letter.claim_ref}
                return self._signed(letter, "claim", grid, told.link_lifetime, stop=stop)
            case "sign-in":
                return self._signed(letter, "sign-in/link", {"aud": "s4-web-sign-in"}, told.sign_in_lifetime)
            case "email-old" | "email-new":
                change = {"aud": "s4-web-email", "rid": letter.facts["request"], "side": letter.facts["side"]}
                return self._signed(letter, "email/confirm", change, told.email_lifetime, spare=_SPARE)
            case _:
                return Link(Secret(f"{self._site}/account"), stop=stop)

    def _signed(
        self,
        letter: OwedLetter,
        page: str,
        purpose: Mapping[str, object],
        lifetime: timedelta,
        *,
        spare: timedelta = timedelta(),
        stop: Secret | None = None,
    ) -> Link:
        """The page with a token that ends when the letter says, or a little later."""
        ends_at = _laid_out(letter) + lifetime
        return Link(self._token(letter, page, purpose, ends_at + spare), ends_at, stop)

    def _stop(self, letter: OwedLetter) -> Secret:
        """RFC 8058: one click, without signing in; whoever finds the letter years later may still do it."""
        return self._token(letter, "letters/stop", {"aud": "s4-web-letters"}, _laid_out(letter) + _FOR_EVER)

    def _token(self, letter: OwedLetter, page: str, purpose: Mapping[str, object], ends_at: datetime) -> Secret:
        """The page with a token for web (RFC 8037: JWT signed with Ed25519). It names the address that it goes to."""
        claims = {
            "iss": "s4-notifier",
            "sub": letter.account_id,
            "jti": letter.copy_of or letter.letter_id,
            "adr": derived_id("address", (letter.email or "").lower()),
            **purpose,
            "iat": int(_laid_out(letter).timestamp()),
            "exp": int(ends_at.timestamp()),
        }
        return Secret(f"{self._site}/{page}?token={jwt.encode(claims, self._key, algorithm='EdDSA')}")


def _laid_out(letter: OwedLetter) -> datetime:
    return letter.signed_at or letter.issued_at

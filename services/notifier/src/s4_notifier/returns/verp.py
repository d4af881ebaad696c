"""Addresses for what comes back: each letter has its own, which nobody else can make."""

import hashlib
import hmac
import re
from email.utils import parseaddr

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from s4_contracts.ids import LetterId
from s4_notifier.links import signing_key
from s4_notifier.settings import Settings

# RFC 5321, section 4.5.3.1.1: 64 octets stand before the @; these are 61. Some servers fold their case.
_LOCAL = re.compile(r"bounces\+([0-9a-f-]{36})\.([0-9a-f]{16})", re.IGNORECASE)
_PURPOSE = b"s4 addresses of returned letters"


class Returns:
    """Makes and knows the addresses. They need no secret of their own: their key follows from that of links."""

    def __init__(self, settings: Settings) -> None:
        raw = signing_key(settings).private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._key = hmac.digest(raw, _PURPOSE, hashlib.sha256)
        self._domain = settings.reports_domain or parseaddr(settings.mail_from)[1].rpartition("@")[2]

    def address(self, letter: str) -> str:
        """Where reports about the letter go; its sender on the envelope."""
        return f"bounces+{letter}.{self._mac(letter)}@{self._domain}"

    def letter_of(self, address: str) -> LetterId | None:
        """The letter that the address is of, or None when it is none of ours."""
        local, _, domain = address.rpartition("@")
        found = _LOCAL.fullmatch(local)
        if found is None or domain.lower() != self._domain.lower():
            return None
        letter = found[1].lower()
        return LetterId(letter) if hmac.compare_digest(self._mac(letter), found[2].lower()) else None

    def _mac(self, letter: str) -> str:
        return hmac.digest(self._key, letter.encode(), hashlib.sha256).hex()[:16]

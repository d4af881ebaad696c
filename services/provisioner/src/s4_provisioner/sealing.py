"""Secrets at rest: AES-256-GCM under a key that the database does not hold."""

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from s4_runtime import Permanent, Secret

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1: the size GCM is made for
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class SealKeyUnusable(Permanent):
    """The seal key is not 32 bytes in base64."""


class SealBroken(Permanent):
    """What was sealed cannot be opened: another key sealed it, for another owner, or it was altered."""


class Sealed:
    """An envelope that only the right key opens. It shows nothing of itself."""

    __slots__ = ("envelope",)

    def __init__(self, envelope: bytes) -> None:
        self.envelope = envelope

    def __repr__(self) -> str:
        return "Sealed(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self.envelope == other.envelope

    def __hash__(self) -> int:
        return hash(self.envelope)


class Seal:
    """Seals and opens with one key. Each envelope names its key, so that a second key can follow the first."""

    def __init__(self, key: Secret) -> None:
        """Raises SealKeyUnusable."""
        try:
            raw = base64.b64decode(key.reveal(), validate=True)
        except ValueError:
            raise SealKeyUnusable("seal-key-unusable") from None
        if len(raw) != 32:
            raise SealKeyUnusable("seal-key-unusable")
        self._key_id = hashlib.sha256(b"s4 seal key " + raw).digest()[:_KEY_ID_BYTES]
        self._cipher = AESGCM(raw)

    def seal(self, content: bytes, owner: str) -> Sealed:
        """Close ``content`` for ``owner``: an envelope copied to another owner's row does not open."""
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._key_id + nonce
        return Sealed(head + self._cipher.encrypt(nonce, content, _bound_to(head, owner)))

    def open(self, sealed: Sealed, owner: str) -> bytes:
        """What was sealed for ``owner``. Raises SealBroken."""
        head, body = sealed.envelope[:_HEADER_BYTES], sealed.envelope[_HEADER_BYTES:]
        if not head.startswith(_VERSION + self._key_id):
            raise SealBroken("sealed-with-another-key")
        try:
            return self._cipher.decrypt(head[-_NONCE_BYTES:], body, _bound_to(head, owner))
        except InvalidTag:
            raise SealBroken("seal-broken") from None


def _bound_to(head: bytes, owner: str) -> bytes:
    return head + owner.encode()

"""What an invite keeps, at rest: AES-256-GCM under a key that the database does not hold."""

import base64
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from s4_contracts.ids import InviteId
from s4_invites.handshake import Kept
from s4_runtime import Permanent, Secret

_VERSION = b"\x01"
_NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1: the size GCM is made for


class SealKeyUnusable(Permanent):
    """The seal key is not 32 bytes in base64."""


class SealBroken(Permanent):
    """What was sealed cannot be opened: another key sealed it, for another invite, or it was altered."""


class Seal:
    """Seals and opens what invites keep."""

    def __init__(self, key: Secret) -> None:
        """Raises SealKeyUnusable."""
        try:
            raw = base64.b64decode(key.reveal(), validate=True)
        except ValueError:
            raise SealKeyUnusable("seal-key-unusable") from None
        if len(raw) != 32:
            raise SealKeyUnusable("seal-key-unusable")
        self._cipher = AESGCM(raw)

    def seal(self, kept: Kept, invite: InviteId) -> bytes:
        """Closed for this invite: copied into another one's row it does not open."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, msgspec.json.encode(kept), _VERSION + invite.encode())

    def open(self, sealed: bytes, invite: InviteId) -> Kept:
        """What was sealed for this invite. Raises SealBroken."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return msgspec.json.decode(self._cipher.decrypt(nonce, body, sealed[:1] + invite.encode()), type=Kept)
        except (InvalidTag, ValueError):
            raise SealBroken("seal-broken", invite=invite) from None

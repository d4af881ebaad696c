"""Who made a backup: age encrypts to a key that everybody may know, so that encryption alone says nothing of it."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from s4_runtime import Permanent

NAME = "manifest.json.sig"
_FORM = "ed25519:"
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Trust(msgspec.Struct, frozen=True):
    """Public keys of those who may make backups; whether one that nobody signed is taken, too."""

    signers: Sequence[str]
    accepts_unsigned: bool = False

    def check(self, text: bytes, signature: bytes | None, backup: str) -> None:
        """Raise Permanent unless one of the signers signed exactly this manifest."""
        keys = [_public(each) for each in self.signers]
        if signature is None:
            if not self.accepts_unsigned:
                raise Permanent("backup-unsigned", backup=backup, take_it_with="--accept-unsigned")
        elif not keys:
            if not self.accepts_unsigned:
                raise Permanent("no-signers-known", backup=backup, give="--signer")
        elif not any(_has_signed(key, text, signature) for key in keys):
            raise Permanent("backup-signed-by-another-key", backup=backup)


def new(path: Path) -> str:
    """A key that nobody has is in the file, for its owner alone; its public half. Raises Permanent."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Permanent("key-exists", file=str(path)) from None
    except OSError as trouble:
        raise Permanent("key-not-written", file=str(path), why=os.strerror(trouble.errno or 0)) from None
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return _text(key.public_key())


def read(path: Path) -> Ed25519PrivateKey:
    """The key that signs backups. Raises Permanent."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        raise Permanent("backup-signing-key-unreadable", file=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Permanent("backup-signing-key-unreadable", file=str(path))
    return key


def sign(key: Ed25519PrivateKey, text: bytes) -> bytes:
    """What lies beside the manifest."""
    return base64.b64encode(key.sign(text)) + b"\n"


def _text(key: Ed25519PublicKey) -> str:
    return _FORM + base64.b64encode(key.public_bytes(*_RAW)).decode()


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix(_FORM), validate=True))
    except ValueError:
        raise Permanent("signer-unreadable", wanted=f"{_FORM}…") from None


def _has_signed(key: Ed25519PublicKey, text: bytes, signature: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature.strip(), validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True

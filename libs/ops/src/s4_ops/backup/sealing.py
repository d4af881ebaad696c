"""Encryption to age recipients, streamed: what is stored was never on this machine's disk in the clear."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

import pyrage
from pyrage import x25519

from s4_ops.backup.manifest import Piece
from s4_runtime import Permanent, Temporary


class Reads(Protocol):
    """What can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes; none at the end."""
        ...


class Writes(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> int:
        """All of the bytes."""
        ...


class Passed:
    """Bytes that have passed, counted and hashed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of all that has passed."""
        return self._hash.hexdigest()

    def took(self, data: bytes) -> bytes:
        """These have passed."""
        self._hash.update(data)
        self.size += len(data)
        return data


class Reading(Passed):
    """A stream that is read through here."""

    def __init__(self, stream: Reads) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """From the stream."""
        return self.took(self._stream.read(size))


class Writing(Passed):
    """A stream that is written through here."""

    def __init__(self, stream: Writes) -> None:
        super().__init__()
        self._stream = stream

    def write(self, data: bytes, /) -> int:
        """To the stream. Raises OSError."""
        self._stream.write(data)
        return len(self.took(bytes(data)))

    def flush(self) -> None:
        """Nothing is held back here."""


def recipients(lines: Sequence[str]) -> list[x25519.Recipient]:
    """Who will be able to read. Raises Permanent."""
    if not lines:
        raise Permanent("backup-has-no-recipients")
    try:
        return [x25519.Recipient.from_str(line) for line in lines]
    except pyrage.RecipientError:
        raise Permanent("recipient-unreadable", wanted="age1...") from None


def identities(file: Path) -> list[x25519.Identity]:
    """The private keys in the file, as age-keygen writes it. Raises Permanent."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        found = [x25519.Identity.from_str(key) for key in keys]
    except (OSError, ValueError, pyrage.IdentityError):
        raise Permanent("identity-unreadable", file=str(file)) from None
    if not found:
        raise Permanent("identity-unreadable", file=str(file))
    return found


def seal(name: str, source: Reads, target: IO[bytes], to: Sequence[x25519.Recipient]) -> Piece:
    """The source, encrypted, is in the target. Raises Temporary when there is no room."""
    plain, sealed = Reading(source), Writing(target)
    try:
        pyrage.encrypt_io(plain, sealed, list(to))
        target.flush()
    except (OSError, pyrage.EncryptError) as trouble:
        raise Temporary("backup-not-written", piece=name, why=_room(trouble)) from None
    return Piece(name, sealed.size, sealed.sha256, plain.size, plain.sha256)


def unseal(piece: Piece, source: IO[bytes], target: IO[bytes], keys: Sequence[x25519.Identity]) -> None:
    """The target has what was encrypted, to the byte. Raises Permanent for another key, or a file that is not whole."""
    sealed, plain = Reading(source), Writing(target)
    try:
        pyrage.decrypt_io(sealed, plain, list(keys))
        target.flush()
    except pyrage.DecryptError as trouble:
        code = "backup-of-another-key" if "matching" in str(trouble) else "backup-damaged"
        raise Permanent(code, piece=piece.name) from None
    except OSError as trouble:
        if trouble.errno is not None or _room(trouble) == "no-room":  # pyrage keeps the number in the text alone
            raise Temporary("backup-not-read", piece=piece.name, why=_room(trouble)) from None
        raise Permanent("backup-damaged", piece=piece.name) from None
    if (sealed.size, sealed.sha256) != (piece.size, piece.sha256):
        raise Permanent("backup-damaged", piece=piece.name)
    if (plain.size, plain.sha256) != (piece.plain_size, piece.plain_sha256):
        raise Permanent("backup-damaged", piece=piece.name)


def check(piece: Piece, source: IO[bytes]) -> None:
    """What lies there is what was written. Raises Permanent."""
    passed = Reading(source)
    while passed.read(1 << 20):
        pass
    if (passed.size, passed.sha256) != (piece.size, piece.sha256):
        raise Permanent("backup-damaged", piece=piece.name)


def _room(trouble: Exception) -> str:
    return "no-room" if "Errno 28" in str(trouble) or "Errno 122" in str(trouble) else type(trouble).__name__

"""The bytes of a request: their length, their sums, and the pieces they are sent in. A file's are not in memory."""

import base64
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator

from s4_node.s3.values import Body, FileSlice

PIECE = 64 * 2**10  # bytes; a socket's time limit is for the whole of one piece
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class FileTooShort(EOFError):
    """The local file ends before its slice does."""


class Payload:
    """What is sent, and sent again when it has to be; each sum is made once."""

    def __init__(self, body: Body) -> None:
        """Raise FileTooShort, or OSError, when a slice's file has not got its bytes."""
        self._file = body if isinstance(body, FileSlice) else None
        self._memory = memoryview(b"" if isinstance(body, FileSlice) else body).cast("B")
        self.length = body.length if isinstance(body, FileSlice) else len(self._memory)
        self._sums: dict[str, str] = {}
        if isinstance(body, FileSlice) and body.path.stat().st_size < body.offset + body.length:
            raise FileTooShort(body.path.name)

    def pieces(self) -> Iterable[memoryview | bytes]:
        """All bytes, in order."""
        if self._file is not None:
            return _pieces_of_file(self._file)
        if self.length <= PIECE:
            return (self._memory,)
        return (self._memory[start : start + PIECE] for start in range(0, self.length, PIECE))

    def crc32(self) -> str:
        """As in x-amz-checksum-crc32."""
        if "crc32" not in self._sums:
            crc = 0
            for piece in self.pieces():
                crc = zlib.crc32(piece, crc)
            self._sums["crc32"] = crc32_text(crc)
        return self._sums["crc32"]

    def md5(self) -> bytes:
        """The digest, for Content-MD5 and for etags; it guards against accidents only."""
        return bytes.fromhex(self._digest("md5"))

    def sha256(self) -> str:
        """As in a signature."""
        return self._digest("sha256") if self.length else EMPTY_SHA256

    def _digest(self, name: str) -> str:
        if name not in self._sums:
            digest = hashlib.new(name, usedforsecurity=name != "md5")
            for piece in self.pieces():
                digest.update(piece)
            self._sums[name] = digest.hexdigest()
        return self._sums[name]


def crc32_text(crc: int) -> str:
    """A CRC-32 as S3 writes it."""
    return base64_text(crc.to_bytes(4, "big"))


def base64_text(binary: bytes) -> str:
    """For a header."""
    return base64.b64encode(binary).decode("ascii")


def _pieces_of_file(part: FileSlice) -> Iterator[bytes]:
    position, end = part.offset, part.offset + part.length
    file = os.open(part.path, os.O_RDONLY)
    try:
        while position < end:
            piece = os.pread(file, min(PIECE, end - position), position)
            if not piece:
                raise FileTooShort(part.path.name)
            yield piece
            position += len(piece)
    finally:
        os.close(file)

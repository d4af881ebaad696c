"""Whether two places have the same content under a key, with as little reading as possible."""

import hashlib
import re
from collections.abc import Iterator

from s4_node.settings import MIB
from s4_node.tools.places import Entry, Place

PIECE = 8 * MIB  # how much of an object is in memory, once for each worker
_OF_PARTS = re.compile(r'"[0-9a-f]{32}-([0-9]+)"')


def digest(place: Place, entry: Entry) -> str:
    """The SHA-256 of the content. Raises Changed."""
    whole = hashlib.sha256()
    for piece in place.pieces(entry, PIECE):
        whole.update(piece)
    return whole.hexdigest()


def is_same(source: Place, ours: Entry, target: Place, theirs: Entry) -> bool:
    """Whether the content is the same: by etags where they tell, else by reading. Raises Changed."""
    if ours.size != theirs.size:
        return False
    if ours.etag and ours.etag == theirs.etag:
        return True
    if not ours.etag and theirs.etag and _has_etag(source, ours, theirs.etag):
        return True
    if not theirs.etag and ours.etag and _has_etag(target, theirs, ours.etag):
        return True
    return digest(source, ours) == digest(target, theirs)


def _has_etag(place: Place, entry: Entry, etag: str) -> bool:
    """Whether S3 would have given this etag to the content: an MD5, or one of the MD5s of the parts.

    Not so where the etag is no MD5, as with SSE-KMS (S3 API Reference, "Object"), or the parts' size cannot be guessed.
    """
    parts = _OF_PARTS.fullmatch(etag)
    count = int(parts[1]) if parts else 0
    part = _part_bytes(entry.size, count) if count else max(entry.size, 1)
    found = [hashlib.md5(piece, usedforsecurity=False) for piece in _regular(place.pieces(entry, part))]
    if not count:
        whole = found[0].hexdigest() if found else hashlib.md5(b"", usedforsecurity=False).hexdigest()
        return etag == f'"{whole}"'
    joined = hashlib.md5(b"".join(each.digest() for each in found), usedforsecurity=False).hexdigest()
    return etag == f'"{joined}-{len(found)}"'


def _part_bytes(size: int, count: int) -> int:
    """The size of all parts but the last: 8 MiB, as we and most programs have it, or whole MiB that give so many."""
    if -(-size // PIECE) == count:
        return PIECE
    least = -(-size // count)
    return -(-least // MIB) * MIB


def _regular(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (piece for piece in pieces if piece)

"""A bucket, or a prefix in one, as a place to copy from and to."""

from collections.abc import Iterator
from contextlib import suppress

from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import ConditionFailed, Missing, S3Error
from s4_node.s3.values import Condition, Stat
from s4_node.storage import layout
from s4_node.tools.places import Changed, Entry

MOST_PARTS = 9_000  # S3 accepts 10,000 (S3 User Guide, "Amazon S3 multipart upload limits")


class BucketPlace:
    """Shares as objects."""

    def __init__(self, bucket: Bucket, part_bytes: int) -> None:
        self._bucket = bucket
        self._part_bytes = part_bytes

    def entries(self) -> Iterator[Entry]:
        """Every share, lease object and advisory, by listing: a request for each thousand."""
        for root in sorted((layout.SHARES, layout.LEASES, layout.ADVISORIES)):
            for stat in self._bucket.list(root):
                if belongs(stat):
                    yield Entry(stat.key, stat.size, stat.etag)

    def pieces(self, entry: Entry, piece_bytes: int) -> Iterator[bytes]:
        """The object's bytes, by ranges of the one object that was listed."""
        try:
            for start in range(0, entry.size, piece_bytes):
                yield self._bucket.get(
                    entry.key, start, min(start + piece_bytes, entry.size), etag=entry.etag or None
                ).body
        except (ConditionFailed, Missing):
            raise Changed(entry.key) from None

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        """These bytes of the object that was listed. Raises Changed."""
        try:
            return self._bucket.get(entry.key, start, min(end, entry.size), etag=entry.etag or None).body
        except (ConditionFailed, Missing):
            raise Changed(entry.key) from None

    def write(self, entry: Entry, pieces: Iterator[bytes], only_if: Condition) -> None:
        """One PUT for what fits into a part, else a multipart upload that is aborted when it fails."""
        part = max(self._part_bytes, -(-entry.size // MOST_PARTS))
        try:
            if entry.size <= part:
                self._bucket.put(entry.key, b"".join(pieces), only_if=only_if)
            else:
                self._in_parts(entry.key, _of_size(pieces, part), only_if)
        except ConditionFailed:
            raise Changed(entry.key) from None

    def _in_parts(self, key: str, parts: Iterator[bytes], only_if: Condition) -> None:
        upload = self._bucket.begin_upload(key)
        try:
            etags = [self._bucket.put_part(key, upload, number, part) for number, part in enumerate(parts, 1)]
            self._bucket.complete_upload(key, upload, etags, only_if=only_if)
        except BaseException:
            with suppress(S3Error):
                self._bucket.abort_upload(key, upload)
            raise


def belongs(stat: Stat) -> bool:
    """Whether this object is a grid's, and not somebody's own under the same prefix."""
    return bool(layout.share_name(stat.key) or layout.leases_name(stat.key) or stat.key.startswith(layout.ADVISORIES))


def _of_size(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)

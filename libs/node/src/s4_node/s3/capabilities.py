"""What a store really does, found out by doing it. Stores that ignore a condition say so to nobody."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from s4_node.s3.bodies import Payload
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import ConditionFailed, Damaged, S3Error
from s4_node.s3.requests import Call, Patience, Requests, no_one
from s4_node.s3.values import Absent, Unchanged

PREFIX = "meta/probe-"
_WRONG_ETAG = f'"{"0" * 32}"'
_WRONG_SUMS = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"}


@dataclass(frozen=True)
class Capabilities:
    """What the bucket's store does; None: the credentials do not allow to see it."""

    conditional_put: bool  # If-None-Match: * of a PUT
    conditional_replace: bool  # If-Match of a PUT
    conditional_complete: bool  # If-None-Match: * of a multipart upload's completion
    checksums: bool  # it refuses bytes that differ from the checksum sent with them
    versioned: bool | None
    region: str | None

    @property
    def allows_two_writers(self) -> bool:
        """Whether two nodes may serve the same shares: neither overwrites what the other has written unseen."""
        return self.conditional_put and self.conditional_replace and self.conditional_complete


def probe(bucket: Bucket) -> Capabilities:
    """Write, refuse and delete one object under meta/. Raises what any use of the bucket would raise."""
    key = PREFIX + secrets.token_hex(8)
    bucket.put(key, b"first")
    try:
        return Capabilities(
            conditional_put=_is_refused(lambda: bucket.put(key, b"second", only_if=Absent())),
            conditional_replace=_replaces(bucket, key),
            conditional_complete=_completes(bucket, key),
            checksums=_refuses_damage(bucket, key),
            versioned=bucket.versioning(),
            region=bucket.location(),
        )
    finally:
        bucket.delete(key)


def _replaces(bucket: Bucket, key: str) -> bool:
    if not _is_refused(lambda: bucket.put(key, b"third", only_if=Unchanged(_WRONG_ETAG))):
        return False
    return not _is_refused(lambda: bucket.put(key, b"fourth", only_if=Unchanged(bucket.head(key).etag)))


def _completes(bucket: Bucket, key: str) -> bool:
    upload = bucket.begin_upload(key)
    try:
        parts = [bucket.put_part(key, upload, 1, b"fifth")]
        return _is_refused(lambda: bucket.complete_upload(key, upload, parts, only_if=Absent()))
    finally:
        bucket.abort_upload(key, upload)


def _refuses_damage(bucket: Bucket, key: str) -> bool:
    requests = Requests(bucket.store, no_one, replace(Patience(), refusals=1))
    call = Call("probe", "PUT", bucket.store.prefix + key, headers=_WRONG_SUMS, payload=Payload(b"sixth"))
    try:
        requests.send(call)
    except Damaged:
        return True
    except S3Error as error:
        if type(error) is not S3Error:
            raise
        return True  # 400 in words of its own
    return False


def _is_refused(write: Callable[[], object]) -> bool:
    try:
        write()
    except ConditionFailed:
        return True
    except S3Error as error:
        if type(error) is not S3Error:
            raise
        return False  # it does not know the header, and says so
    return False

"""Operations on one object."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import unquote

from doubles.s3 import bodies, conditions
from doubles.s3.calls import Call
from doubles.s3.manners import Manners
from doubles.s3.refusals import XML, Answer, Refusal, document
from doubles.s3.shelves import Blob, Bucket, Entry, Shelves

REPEATED = {"content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires"}
ENCRYPTION = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id")
LONGEST_KEY = 1024  # bytes
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def kept_headers(call: Call, manners: Manners) -> dict[str, str]:
    """What a writer says about an object that its readers are told again."""
    if len(call.key.encode()) > LONGEST_KEY:
        raise Refusal("KeyTooLongError")
    kept = {}
    for name, value in call.headers.items():
        lower = name.lower()
        if lower in REPEATED or lower in ENCRYPTION or (lower.startswith("x-amz-meta-") and manners.keeps_metadata):
            kept[lower] = value
    return kept


def encryption(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ENCRYPTION if name in headers}


def stamped(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Objects:
    """One object at a time; each method is the operation of its name."""

    def __init__(self, shelves: Shelves, manners: Manners) -> None:
        self._shelves, self._manners = shelves, manners

    def _guard(self, call: Call, bucket: Bucket) -> None:
        if not self._manners.ignores_conditions:
            conditions.may_write(call, bucket.entries.get(call.key))

    async def put(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        headers = kept_headers(call, self._manners)
        blob = await bodies.receive(call, self._shelves, opaque=self._manners.opaque_etags)
        try:
            self._guard(call, bucket)  # as late as can be: nobody comes between this and the publishing
        except Refusal:
            blob.path.unlink()
            raise
        entry = Entry(call.key, (blob,), f'"{blob.md5}"', headers, blob.checksums, datetime.now(UTC))
        bucket.publish(entry)
        told = {"ETag": entry.etag, **encryption(headers)}
        return Answer(200, told | {bodies.PREFIX + name: value for name, value in blob.checksums.items()})

    def _found(self, call: Call) -> Entry:
        entry = self._shelves.bucket(call.bucket).entries.get(call.key)
        if entry is None:
            raise Refusal("NoSuchKey")
        if not self._manners.ignores_conditions:
            conditions.may_read(call, entry)
        return entry

    def _told(self, call: Call, entry: Entry, *, whole: bool) -> dict[str, str]:
        told = {
            "content-type": "binary/octet-stream",
            "ETag": entry.etag,
            "Last-Modified": format_datetime(entry.modified, usegmt=True),
            "Accept-Ranges": "bytes",
            **entry.headers,
        }
        if whole and call.headers.get(bodies.PREFIX + "mode", "").upper() == "ENABLED":
            told |= {bodies.PREFIX + name: value for name, value in entry.checksums.items()}
            if entry.checksums:
                kind = "COMPOSITE" if "-" in entry.etag else "FULL_OBJECT"
                told[bodies.PREFIX + "type"] = kind
        return told

    async def get(self, call: Call) -> Answer:
        entry = self._found(call)
        asked = _range(call.headers.get("Range"), entry.size)
        if asked is None:
            return Answer(200, self._told(call, entry, whole=True), entry.slices(0, entry.size))
        start, end = asked
        told = self._told(call, entry, whole=False) | {"Content-Range": f"bytes {start}-{end - 1}/{entry.size}"}
        return Answer(206, told, entry.slices(start, end))

    async def head(self, call: Call) -> Answer:
        entry = self._found(call)
        return Answer(200, self._told(call, entry, whole=True), claims=entry.size)

    async def delete(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        if "If-Match" in call.headers:
            self._guard(call, bucket)
        bucket.remove(call.key)
        return Answer(204)

    async def copy(self, call: Call) -> Answer:
        source, _, key = unquote(call.headers["x-amz-copy-source"]).lstrip("/").partition("/")
        entry = self._shelves.bucket(source).entries.get(key)
        if entry is None:
            raise Refusal("NoSuchKey")
        replaced = call.headers.get("x-amz-metadata-directive") == "REPLACE"
        headers = kept_headers(call, self._manners) if replaced else entry.headers
        blobs = tuple(self._linked(blob) for blob in entry.blobs)
        copied = Entry(call.key, blobs, entry.etag, headers, entry.checksums, datetime.now(UTC))
        self._shelves.bucket(call.bucket).publish(copied)
        body = document("CopyObjectResult", [("LastModified", stamped(copied.modified)), ("ETag", copied.etag)])
        return Answer(200, dict(XML), body)

    def _linked(self, blob: Blob) -> Blob:
        link = self._shelves.incoming()
        link.hardlink_to(blob.path)
        return Blob(self._shelves.keep(link), blob.size, blob.md5, blob.checksums)


def _range(asked: str | None, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of what was asked for; None is everything. Raises Refusal where there is nothing."""
    found = RANGE.match(asked or "")
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    else:
        start, end = max(0, size - int(last)), size
    if start >= size or start >= end:
        raise Refusal("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
    return start, end

"""Operations on a bucket: making, listing, deleting many."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote

from doubles.s3 import bodies
from doubles.s3.calls import Call
from doubles.s3.objects import stamped
from doubles.s3.refusals import XML, Answer, Refusal, Tree, document
from doubles.s3.shelves import Entry, Shelves

MOST_KEYS = 1000  # on a page, and in one DeleteObjects


class Buckets:
    """Whole buckets; each method is the operation of its name."""

    def __init__(self, shelves: Shelves, region: str) -> None:
        self._shelves, self._region = shelves, region

    async def every(self, _call: Call) -> Answer:
        found = sorted(self._shelves.buckets.values(), key=lambda bucket: bucket.name)
        buckets: Tree = [("Bucket", [("Name", one.name), ("CreationDate", stamped(one.created))]) for one in found]
        owner: Tree = [("ID", "double"), ("DisplayName", "double")]
        return Answer(200, dict(XML), document("ListAllMyBucketsResult", [("Owner", owner), ("Buckets", buckets)]))

    async def create(self, call: Call) -> Answer:
        await bodies.text(call)
        self._shelves.create(call.bucket)
        return Answer(200, {"Location": "/" + call.bucket})

    async def head(self, call: Call) -> Answer:
        self._shelves.bucket(call.bucket)
        return Answer(200, {"x-amz-bucket-region": self._region})

    async def delete(self, call: Call) -> Answer:
        self._shelves.delete(call.bucket)
        return Answer(204)

    async def location(self, call: Call) -> Answer:
        self._shelves.bucket(call.bucket)
        region = "" if self._region == "us-east-1" else self._region
        return Answer(200, dict(XML), document("LocationConstraint", region))

    async def versioning(self, call: Call) -> Answer:
        status = self._shelves.bucket(call.bucket).versioning
        fields: Tree = [("Status", status)] if status else []
        return Answer(200, dict(XML), document("VersioningConfiguration", fields))

    async def put_versioning(self, call: Call) -> Answer:
        root = _xml(await bodies.text(call))
        bucket = self._shelves.bucket(call.bucket)
        bucket.versioning = next((one.text or "" for one in root if one.tag.endswith("Status")), "")
        return Answer()

    async def lifecycle(self, call: Call) -> Answer:
        body = self._shelves.bucket(call.bucket).lifecycle
        if not body:
            raise Refusal("NoSuchLifecycleConfiguration")
        return Answer(200, dict(XML), body)

    async def put_lifecycle(self, call: Call) -> Answer:
        body = await bodies.text(call)
        _xml(body)
        self._shelves.bucket(call.bucket).lifecycle = body
        return Answer()

    async def delete_lifecycle(self, call: Call) -> Answer:
        self._shelves.bucket(call.bucket).lifecycle = b""
        return Answer(204)

    async def listing(self, call: Call) -> Answer:
        bucket, query = self._shelves.bucket(call.bucket), call.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit = min(MOST_KEYS, int(query.get("max-keys", str(MOST_KEYS))))
        token = query.get("continuation-token", "")
        after = bytes.fromhex(token).decode() if token else query.get("start-after", "")
        if delimiter:
            entries, folders, last = _grouped(bucket.after(prefix, after), prefix, delimiter, limit, after)
        else:
            entries, folders = list(islice(bucket.after(prefix, after), limit)), []
            last = entries[-1].key if entries else after
        more = next(bucket.after(prefix, last + ("\U0010ffff" if folders and last == folders[-1] else "")), None)
        url = query.get("encoding-type") == "url"
        fields: list[tuple[str, Tree]] = [("Name", call.bucket), ("Prefix", _name(prefix, url=url))]
        fields += [("KeyCount", str(len(entries) + len(folders))), ("MaxKeys", str(limit))]
        fields += [("EncodingType", "url")] if url else []
        fields.append(("IsTruncated", "true" if more is not None and limit else "false"))
        if more is not None and limit:
            fields.append(("NextContinuationToken", last.encode().hex()))
        fields += [("Contents", _shown(entry, url=url)) for entry in entries]
        fields += [("CommonPrefixes", [("Prefix", _name(folder, url=url))]) for folder in folders]
        return Answer(200, dict(XML), document("ListBucketResult", fields))

    async def delete_many(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        if "Content-MD5" not in call.headers and not bodies.claimed(call):
            raise Refusal("InvalidRequest")
        root = _xml(await bodies.text(call))
        keys = [node.text or "" for node in root.iter() if node.tag.endswith("Key")]
        quiet = any(node.text == "true" for node in root.iter() if node.tag.endswith("Quiet"))
        if not 0 < len(keys) <= MOST_KEYS:
            raise Refusal("MalformedXML")
        for key in keys:
            bucket.remove(key)
        fields: Tree = [] if quiet else [("Deleted", [("Key", key)]) for key in keys]
        return Answer(200, dict(XML), document("DeleteResult", fields))


def _xml(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314  from a test of ours
    except ET.ParseError as bad:
        raise Refusal("MalformedXML") from bad


def _name(key: str, *, url: bool) -> str:
    return quote(key, safe="/-_.~") if url else key


def _shown(entry: Entry, *, url: bool) -> Tree:
    return [
        ("Key", _name(entry.key, url=url)),
        ("LastModified", stamped(entry.modified)),
        ("ETag", entry.etag),
        ("Size", str(entry.size)),
        ("StorageClass", "STANDARD"),
    ]


def _grouped(
    entries: Iterable[Entry], prefix: str, delimiter: str, limit: int, after: str
) -> tuple[list[Entry], list[str], str]:
    """Entries and common prefixes of one page, and the last name on it."""
    shown: list[Entry] = []
    folders: list[str] = []
    last = after
    for entry in entries:
        head, found, _ = entry.key[len(prefix) :].partition(delimiter)
        folder = prefix + head + delimiter if found else ""
        if folder and (folder == last or (folders and folder == folders[-1]) or after == folder):
            continue
        if len(shown) + len(folders) == limit:
            break
        if folder:
            folders.append(folder)
        else:
            shown.append(entry)
        last = folder or entry.key
    return shown, folders, last

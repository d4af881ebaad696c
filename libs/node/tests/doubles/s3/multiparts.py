"""Multipart uploads: begun, sent in parts, completed or aborted."""

import hashlib
import secrets
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from doubles.s3 import bodies, conditions
from doubles.s3.calls import Call
from doubles.s3.manners import Manners
from doubles.s3.objects import encryption, kept_headers, stamped
from doubles.s3.refusals import XML, Answer, Refusal, Tree, document
from doubles.s3.shelves import Blob, Entry, Shelves, Upload, discard

SMALLEST_PART = 5 * 2**20  # bytes; of every part but the last
MOST_PARTS = 10_000


class Multiparts:
    """Uploads in parts; each method is the operation of its name."""

    def __init__(self, shelves: Shelves, manners: Manners) -> None:
        self._shelves, self._manners = shelves, manners

    async def create(self, call: Call) -> Answer:
        bucket, headers = self._shelves.bucket(call.bucket), kept_headers(call, self._manners)
        algorithm = call.headers.get(bodies.PREFIX + "algorithm", "").lower()
        kind = call.headers.get(bodies.PREFIX + "type", "COMPOSITE")
        if (algorithm and algorithm not in bodies.CHECKSUMS) or kind != "COMPOSITE":
            raise Refusal("NotImplemented")
        upload = Upload(call.key, secrets.token_urlsafe(48), headers, algorithm, datetime.now(UTC))
        bucket.uploads[upload.upload_id] = upload
        fields: Tree = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.upload_id)]
        told = XML | encryption(headers)
        if algorithm:
            told |= {bodies.PREFIX + "algorithm": algorithm.upper(), bodies.PREFIX + "type": kind}
        return Answer(200, told, document("InitiateMultipartUploadResult", fields))

    async def part(self, call: Call) -> Answer:
        upload = self._shelves.bucket(call.bucket).upload(call.key, call.query["uploadId"])
        number = call.query.get("partNumber", "")
        if not number.isdigit() or not 1 <= int(number) <= MOST_PARTS:
            raise Refusal("InvalidArgument")
        claims = bodies.claimed(call)
        if (claims or upload.algorithm) and list(claims) != [upload.algorithm]:
            raise Refusal("InvalidRequest")  # of another checksum than the upload was begun with, or of none
        blob = await bodies.receive(call, self._shelves, opaque=self._manners.opaque_etags)
        if call.query["uploadId"] not in self._shelves.bucket(call.bucket).uploads:
            discard([blob])  # aborted while the part was on its way
            raise Refusal("NoSuchUpload")
        old = upload.parts.get(int(number))
        upload.parts[int(number)] = blob
        if old is not None:
            discard([old])
        told = {bodies.PREFIX + name: value for name, value in blob.checksums.items()}
        return Answer(200, {"ETag": f'"{blob.md5}"', **told})

    async def complete(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        body = await bodies.text(call)
        upload = bucket.upload(call.key, call.query["uploadId"])
        parts = _listed(body, upload)
        if not self._manners.ignores_conditions:
            conditions.may_write(call, bucket.entries.get(call.key))
        md5 = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False).hexdigest()
        sums = {upload.algorithm: bodies.composite(upload.algorithm, parts)} if upload.algorithm else {}
        entry = Entry(call.key, tuple(parts), f'"{md5}-{len(parts)}"', upload.headers, sums, datetime.now(UTC))
        del bucket.uploads[upload.upload_id]
        discard([part for part in upload.parts.values() if part not in parts])
        bucket.publish(entry)
        fields: list[tuple[str, Tree]] = [("Bucket", call.bucket), ("Key", call.key), ("ETag", entry.etag)]
        fields += [(f"Checksum{name.upper()}", value) for name, value in sums.items()]
        told = XML | encryption(upload.headers)
        return Answer(200, told, document("CompleteMultipartUploadResult", fields))

    async def abort(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        upload = bucket.upload(call.key, call.query["uploadId"])
        del bucket.uploads[upload.upload_id]
        discard(list(upload.parts.values()))
        return Answer(204)

    async def parts(self, call: Call) -> Answer:
        upload = self._shelves.bucket(call.bucket).upload(call.key, call.query["uploadId"])
        fields: list[tuple[str, Tree]] = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.upload_id)]
        fields.append(("IsTruncated", "false"))
        for number, part in sorted(upload.parts.items()):
            one: Tree = [("PartNumber", str(number)), ("ETag", f'"{part.md5}"'), ("Size", str(part.size))]
            fields.append(("Part", one))
        return Answer(200, dict(XML), document("ListPartsResult", fields))

    async def uploads(self, call: Call) -> Answer:
        bucket = self._shelves.bucket(call.bucket)
        limit = min(1000, int(call.query.get("max-uploads", "1000")))
        prefix = call.query.get("prefix", "")
        marker = (call.query.get("key-marker", ""), call.query.get("upload-id-marker", ""))
        found = [one for one in bucket.uploads.values() if one.key.startswith(prefix) and _behind(one, *marker)]
        found.sort(key=_place)
        page, more = found[:limit], len(found) > limit
        fields: list[tuple[str, Tree]] = [("Bucket", call.bucket), ("Prefix", prefix), ("MaxUploads", str(limit))]
        fields.append(("IsTruncated", str(more).lower()))
        if more:
            fields += [("NextKeyMarker", page[-1].key), ("NextUploadIdMarker", page[-1].upload_id)]
        for one in page:
            entry: Tree = [("Key", one.key), ("UploadId", one.upload_id), ("Initiated", stamped(one.begun))]
            fields.append(("Upload", entry))
        return Answer(200, dict(XML), document("ListMultipartUploadsResult", fields))


def _place(upload: Upload) -> tuple[str, str]:
    return upload.key, upload.upload_id


def _behind(upload: Upload, key: str, upload_id: str) -> bool:
    if not upload_id:
        return upload.key > key
    return _place(upload) > (key, upload_id)


def _listed(body: bytes, upload: Upload) -> list[Blob]:
    """The parts that a completion names, which must be the ones that were sent."""
    try:
        root = ET.fromstring(body)  # noqa: S314  from a test of ours
    except ET.ParseError as bad:
        raise Refusal("MalformedXML") from bad
    named = [{child.tag.rpartition("}")[2]: child.text or "" for child in part} for part in root]
    numbers = [int(part.get("PartNumber", "0")) for part in named]
    if not numbers:
        raise Refusal("MalformedXML")
    if numbers != sorted(set(numbers)):
        raise Refusal("InvalidPartOrder")
    found = []
    for number, part in zip(numbers, named, strict=True):
        blob = upload.parts.get(number)
        if blob is None or part.get("ETag", "").strip('"') != blob.md5:
            raise Refusal("InvalidPart")
        claim = part.get(f"Checksum{upload.algorithm.upper()}") if upload.algorithm else None
        if upload.algorithm and claim is None:
            raise Refusal("InvalidRequest")
        if claim is not None and claim != blob.checksums[upload.algorithm]:
            raise Refusal("InvalidPart")
        found.append(blob)
    if any(blob.size < SMALLEST_PART for blob in found[:-1]):
        raise Refusal("EntityTooSmall")
    return found

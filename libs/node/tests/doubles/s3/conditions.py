"""If-Match and If-None-Match, as S3 takes them for reads, writes and deletions."""

from doubles.s3.calls import Call
from doubles.s3.refusals import Refusal
from doubles.s3.shelves import Entry


def _same(wanted: str, etag: str) -> bool:
    return wanted == "*" or wanted.strip('"') == etag.strip('"')


def may_write(call: Call, entry: Entry | None) -> None:
    """Raises Refusal when the object is not as the writer (or deleter) wants it to be."""
    match, none_match = call.headers.get("If-Match"), call.headers.get("If-None-Match")
    if none_match is not None and (none_match != "*" or match is not None):
        raise Refusal("NotImplemented")
    if none_match is not None and entry is not None:
        raise Refusal("PreconditionFailed", more={"Condition": "If-None-Match"})
    if match is not None and entry is None:
        raise Refusal("NoSuchKey")
    if match is not None and entry is not None and not _same(match, entry.etag):
        raise Refusal("PreconditionFailed", more={"Condition": "If-Match"})


def may_read(call: Call, entry: Entry) -> None:
    """Raises Refusal (412, or 304 without a body) when the reader does not want this version."""
    match, none_match = call.headers.get("If-Match"), call.headers.get("If-None-Match")
    if match is not None and not _same(match, entry.etag):
        raise Refusal("PreconditionFailed", more={"Condition": "If-Match"})
    if none_match is not None and _same(none_match, entry.etag):
        raise Refusal("NotModified", headers={"ETag": entry.etag})

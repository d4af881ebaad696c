"""What a GET and a HEAD answer, checked and put into our values."""

import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from s4_node.s3.bodies import crc32_text
from s4_node.s3.connections import Answer
from s4_node.s3.documents import quoted
from s4_node.s3.requests import Spoiled
from s4_node.s3.values import Got, Stat

TOKEN = "x-amz-meta-s4-write"  # noqa: S105  the name of a header; it names the attempt that wrote the object
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def range_header(start: int, end: int | None) -> dict[str, str]:
    """Of some bytes; nothing for all of them."""
    if start == 0 and end is None:
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def check_bytes(start: int, end: int | None, etag: str | None) -> Callable[[Answer], None]:
    """The check that the answer to a GET has the bytes that were asked for, as they were stored."""

    def check(answer: Answer) -> None:
        if answer.status == 304:
            return
        size, first = _extent(answer)
        last = size if end is None else min(end, size)
        if answer.status == 206 and (first != start or len(answer.body) != last - start):
            raise Spoiled("WrongRange")
        if etag is not None and _etag(answer) != etag:
            raise Spoiled("WrongEtag")
        theirs = answer.headers.get("x-amz-checksum-crc32", "")
        if answer.status == 200 and theirs and "-" not in theirs and theirs != crc32_text(zlib.crc32(answer.body)):
            raise Spoiled("WrongChecksum")

    return check


def got(answer: Answer, start: int, end: int | None) -> Got:
    """The bytes from `start` to `end`, also from a server that knows no ranges."""
    size, _ = _extent(answer)
    body = answer.body if answer.status == 206 or (start == 0 and end is None) else answer.body[start:end]
    return Got(body=body, size=size, etag=_etag(answer), modified=_modified(answer))


def stat(key: str, answer: Answer) -> Stat:
    """The object a HEAD showed."""
    length = answer.headers.get("content-length", "")
    return Stat(key=key, size=int(length or 0), etag=_etag(answer), modified=_modified(answer))


def _extent(answer: Answer) -> tuple[int, int]:
    if answer.status != 206:
        return len(answer.body), 0
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if not found:
        raise Spoiled("WrongRange")
    return int(found[3]), int(found[1])


def _etag(answer: Answer) -> str:
    return quoted(answer.headers.get("etag", ""))


def _modified(answer: Answer) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers.get("last-modified", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)

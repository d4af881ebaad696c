"""S3's XML, read and written; only the parts that are used."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.sax.saxutils import escape

_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]")  # in XML 1.0, which has no escape for them


class NotS3(Exception):
    """The answer is not the XML that S3 would give."""


class Listed(NamedTuple):
    """One key of a listing, whole."""

    key: str
    size: int
    etag: str
    modified: datetime


class ListedUpload(NamedTuple):
    """One upload of a listing, its key whole."""

    key: str
    upload: str
    begun: datetime


def root_of(body: bytes) -> Element:
    """The document, when its elements are all it has. Raises NotS3."""
    if b"<!" in body or b"\0" in body:  # the second: UTF-16, in which the first would not be found
        raise NotS3
    parser = XMLParser()  # noqa: S314  no entities: a document that could declare any was refused
    try:
        parser.feed(body)
        root = parser.close()
    except ParseError:
        raise NotS3 from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # some servers leave the namespace out
    return root


def error_code(body: bytes) -> str:
    """S3's code of an error, or of the error in an answer that began as a success; empty when there is none."""
    return _safe(body, "Code", _CODE)


def error_region(body: bytes) -> str:
    """The region that an error names; empty when it names none."""
    return _safe(body, "Region", _REGION)


def listed(root: Element) -> Iterator[Listed]:
    """The keys of one page."""
    decoded = _is_encoded(root)
    for element in root.iterfind("Contents"):
        key = _text(element, "Key")
        yield Listed(
            key=unquote_plus(key) if decoded else key,
            size=_size(_text(element, "Size")),
            etag=quoted(_text(element, "ETag")),
            modified=moment(_text(element, "LastModified")),
        )


def listed_uploads(root: Element) -> Iterator[ListedUpload]:
    """The uploads of one page."""
    decoded = _is_encoded(root)
    for element in root.iterfind("Upload"):
        key = _text(element, "Key")
        yield ListedUpload(
            key=unquote_plus(key) if decoded else key,
            upload=_text(element, "UploadId"),
            begun=moment(_text(element, "Initiated")),
        )


def is_truncated(root: Element) -> bool:
    """Whether there are more pages."""
    return root.findtext("IsTruncated") == "true"


def uploads_marker(root: Element) -> tuple[str, str]:
    """Where the next page of uploads begins: a key, whole, and an upload."""
    key = root.findtext("NextKeyMarker") or ""
    return unquote_plus(key) if _is_encoded(root) else key, root.findtext("NextUploadIdMarker") or ""


def deletion_errors(root: Element) -> list[str]:
    """The codes of what a DeleteObjects did not delete."""
    found = (element.findtext("Code") or "" for element in root.iterfind("Error"))
    return [code if _CODE.fullmatch(code) else "Unknown" for code in found]


def completion(etags: Sequence[str], sums: Mapping[int, str]) -> bytes:
    """The body of CompleteMultipartUpload; parts are numbered from 1, `sums` are CRC-32s by these numbers."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag>"
        + (f"<ChecksumCRC32>{escape(sums[number])}</ChecksumCRC32>" if number in sums else "")
        + "</Part>"
        for number, etag in enumerate(etags, start=1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def deletion(keys: Sequence[str]) -> bytes:
    """The body of DeleteObjects."""
    objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    return f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()


def is_writable(key: str) -> bool:
    """Whether XML can hold this key."""
    return not _UNWRITABLE.search(key)


def quoted(etag: str) -> str:
    """The etag with its quotes, which some servers leave out."""
    return etag if etag.startswith(('"', "W/")) or not etag else f'"{etag}"'


def moment(text: str) -> datetime:
    """A time as listings have it. Raises NotS3."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise NotS3 from None


def _text(element: Element, name: str) -> str:
    text = element.findtext(name)
    if text is None:
        raise NotS3
    return text


def _size(text: str) -> int:
    if not text.isdecimal():
        raise NotS3
    return int(text)


def _is_encoded(root: Element) -> bool:
    return root.findtext("EncodingType") == "url"


def _safe(body: bytes, name: str, shape: re.Pattern[str]) -> str:
    try:
        root = root_of(body)
    except NotS3:
        return ""
    text = root.findtext(name) if root.tag == "Error" else ""
    return text if text and shape.fullmatch(text) else ""


def abort_days(root: Element, prefix: str) -> int | None:
    """After how many days an enabled rule aborts the uploads under a prefix; None when no rule does."""
    days = [
        int(rule.findtext("AbortIncompleteMultipartUpload/DaysAfterInitiation") or 0)
        for rule in root.iterfind("Rule")
        if rule.findtext("Status") == "Enabled" and prefix.startswith(_rule_prefix(rule))
    ]
    return min((day for day in days if day), default=None)


def _rule_prefix(rule: Element) -> str:
    return rule.findtext("Filter/Prefix") or rule.findtext("Filter/And/Prefix") or rule.findtext("Prefix") or ""

"""One bucket: all that is asked of S3, each method one operation. Synchronous and thread-safe.

Keys are relative to the store's prefix, in and out. Every method raises S3Error's kinds and nothing else, but for a
local file that cannot be read.
"""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from s4_node.s3 import documents
from s4_node.s3.begun import BegunUploads
from s4_node.s3.bodies import Payload, base64_text
from s4_node.s3.connections import Answer
from s4_node.s3.errors import (
    BucketMissing,
    ConditionFailed,
    Damaged,
    Forbidden,
    Missing,
    OutOfRange,
    S3Error,
    Unavailable,
)
from s4_node.s3.reading import TOKEN, check_bytes, got, range_header, stat
from s4_node.s3.requests import Call, Observe, Patience, Requests, Spoiled, no_one
from s4_node.s3.values import Absent, Body, Condition, Got, Pending, Stat, Store, Unchanged

DELETED_AT_ONCE = 1000  # S3 API Reference, DeleteObjects
COMPARED = 64 * 2**20  # bytes that are read back to see whose they are, where a store keeps no metadata

Page = tuple[list[Stat], str | None]


@dataclass(frozen=True)
class Lifecycle:
    """What the bucket's rules do to uploads that nobody completes; None: nothing."""

    abort_days: int | None


class Bucket:
    """The objects of one store."""

    def __init__(self, store: Store, *, observe: Observe = no_one, patience: Patience = Patience()) -> None:  # noqa: B008  frozen
        self.store = store
        self._requests = Requests(store, observe, patience)
        self._begun = BegunUploads()

    # objects

    def put(self, key: str, body: Body, *, only_if: Condition | None = None) -> str:
        """Write the whole object; its etag. Raises ConditionFailed when it is not as `only_if` says.

        After an attempt without an answer, our own write is told from another's by a token in the object's metadata.
        """
        payload, token = Payload(body), secrets.token_hex(16)
        headers = {**self._encryption(), **self._sums(payload), **_condition(only_if)}
        if only_if is not None:
            headers[TOKEN] = token
        call = self._call("put", "PUT", key, headers, payload)
        call.check, call.waits_for_others = self._check_written(payload), only_if is not None
        try:
            return documents.quoted(self._requests.send(call).headers.get("etag", ""))
        except (ConditionFailed, Missing) as refused:
            if only_if is None:
                raise
            failed = ConditionFailed(refused.operation, refused.code, refused.status)
            if not call.doubtful:
                raise failed from None
        return self._own_etag(key, failed, lambda answer: self._is_ours(key, answer, payload, token))

    def get(self, key: str, start: int = 0, end: int | None = None, *, etag: str | None = None) -> Got:
        """Bytes from `start` up to, not including, `end`; fewer when the object is shorter. Raises Missing, OutOfRange.

        With an etag: raises ConditionFailed when the object is another by now.
        """
        if end is not None and end <= start:
            return self._nothing(key, etag)
        headers = {**range_header(start, end), **_condition(Unchanged(etag) if etag else None)}
        if start == 0 and end is None and self.store.checksum == "crc32":
            headers["x-amz-checksum-mode"] = "ENABLED"
        call = self._call("get", "GET", key, headers)
        call.check = check_bytes(start, end, etag)
        answer = self._requests.send(call)
        if start and answer.status == 200 and start >= len(answer.body):
            raise OutOfRange("get", "InvalidRange", answer.status)
        return got(answer, start, end)

    def get_if_changed(self, key: str, etag: str) -> Got | None:
        """The whole object, or None when it is still the one with this etag."""
        call = self._call("get", "GET", key, {"If-None-Match": etag})
        call.good, call.check = (200, 304), check_bytes(0, None, None)
        answer = self._requests.send(call)
        return None if answer.status == 304 else got(answer, 0, None)

    def head(self, key: str) -> Stat:
        """Size, etag and time of an object. Raises Missing, also when there is no such bucket: S3 does not say."""
        return stat(key, self._head(key))

    def delete(self, key: str, *, only_if: Unchanged | None = None) -> None:
        """Leave no such object; it is fine when there was none. Raises ConditionFailed when it is another by now."""
        call = self._call("delete", "DELETE", key, _condition(only_if))
        call.waits_for_others = only_if is not None
        try:
            self._requests.send(call)
        except Missing:
            return
        except ConditionFailed:
            if not call.doubtful or self._exists(key):
                raise

    def delete_many(self, keys: Sequence[str]) -> None:
        """Leave no such objects. Raises what hinders first; some may be deleted then; ask for all again."""
        writable = [key for key in keys if documents.is_writable(key)]
        for key in set(keys).difference(writable):
            self.delete(key)
        for start in range(0, len(writable), DELETED_AT_ONCE):
            whole = [self.store.prefix + key for key in writable[start : start + DELETED_AT_ONCE]]
            payload = Payload(documents.deletion(whole))
            call = self._call("delete-many", "POST", None, {"Content-MD5": base64_text(payload.md5())}, payload)
            call.query, call.check = {"delete": ""}, _check_deleted
            self._requests.send(call)

    # listings

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stat]:
        """Every object whose key begins so and comes after `after`, in the order of the keys; page by page."""
        following: str | None = after
        while following is not None:
            page, following = self.list_page(prefix, following)
            yield from page

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> Page:
        """Up to `limit` (at most 1000) objects, and the `after` of the next page, None behind the last one."""
        query = {"list-type": "2", "prefix": self.store.prefix + prefix, "encoding-type": "url", "max-keys": str(limit)}
        if after:
            query["start-after"] = self.store.prefix + after
        root, inside = (
            self._document(self._call("list", "GET", None), query, "ListBucketResult"),
            len(self.store.prefix),
        )
        with _believing("list"):
            page = [Stat(key[inside:], size, etag, modified) for key, size, etag, modified in documents.listed(root)]
        return page, page[-1].key if page and documents.is_truncated(root) else None

    def uploads(self, prefix: str) -> Iterator[Pending]:
        """Every multipart upload that is neither completed nor aborted, of keys that begin so."""
        marker, inside = ("", ""), len(self.store.prefix)
        while True:
            query = {"uploads": "", "prefix": self.store.prefix + prefix, "encoding-type": "url"}
            if marker[0]:
                query |= {"key-marker": marker[0], "upload-id-marker": marker[1]}
            root = self._document(self._call("uploads", "GET", None), query, "ListMultipartUploadsResult")
            with _believing("uploads"):
                page = list(documents.listed_uploads(root))
            yield from (Pending(key[inside:], upload, begun) for key, upload, begun in page)
            if not page or not documents.is_truncated(root):
                return
            marker = documents.uploads_marker(root)

    # multipart uploads

    def begin_upload(self, key: str) -> str:
        """A new upload's id. An attempt without an answer may leave another; the bucket's lifecycle aborts it."""
        token = secrets.token_hex(16)
        sums = {"x-amz-checksum-algorithm": "CRC32"} if self.store.checksum == "crc32" else {}
        call = self._call("begin-upload", "POST", key, {**self._encryption(), **sums, TOKEN: token})
        call.query = {"uploads": ""}
        upload = self._document(call, named="InitiateMultipartUploadResult").findtext("UploadId") or ""
        self._begun.add(upload, token)
        return upload

    def put_part(self, key: str, upload: str, number: int, body: Body) -> str:
        """Write part `number` (from 1) of an upload; its etag. Raises Missing when the upload is gone."""
        payload = Payload(body)
        call = self._call("put-part", "PUT", key, self._sums(payload), payload)
        call.query, call.check = {"partNumber": str(number), "uploadId": upload}, self._check_written(payload)
        etag = documents.quoted(self._requests.send(call).headers.get("etag", ""))
        if self.store.checksum == "crc32":
            self._begun.was_sent(upload, number, payload.crc32())
        return etag

    def complete_upload(self, key: str, upload: str, etags: Sequence[str], *, only_if: Condition | None = None) -> str:
        """Make the object of all its parts, by their etags in order; its etag.

        Raises ConditionFailed: with status 412 the object is not as `only_if` says; with 409 the upload
        is of no use any more and another has to be begun. Raises Missing when the upload is gone.
        """
        token, body = self._begun.token(upload), documents.completion(etags, self._begun.sums(upload))
        call = self._call("complete-upload", "POST", key, _condition(only_if), Payload(body))
        call.query = {"uploadId": upload}
        try:
            etag = documents.quoted(self._document(call, named="CompleteMultipartUploadResult").findtext("ETag") or "")
        except (ConditionFailed, Missing) as refused:
            if not call.doubtful:
                raise
            whole = _etag_of_parts(etags)
            etag = self._own_etag(
                key,
                refused,
                lambda answer: (
                    answer.headers[TOKEN] == token if TOKEN in answer.headers else answer.headers.get("etag") == whole
                ),
            )
        self._begun.forget(upload)
        return etag

    def abort_upload(self, key: str, upload: str) -> None:
        """Leave no such upload and none of its parts; it is fine when there was none."""
        call = self._call("abort-upload", "DELETE", key)
        call.query = {"uploadId": upload}
        with suppress(Missing):
            self._requests.send(call)
        self._begun.forget(upload)

    # the bucket itself; None: the credentials do not reach so far

    def location(self) -> str | None:
        """The region the bucket is in; empty when the store has no regions."""
        call = self._call("location", "HEAD", None)
        try:
            region = self._requests.send(call).headers.get("x-amz-bucket-region", "")
        except Forbidden:
            region = ""
        except Missing as missing:
            raise BucketMissing("location", missing.code, missing.status) from None
        if region:
            return region
        root = self._setting("location")
        return None if root is None else root.text or ("us-east-1" if not self.store.endpoint else "")

    def versioning(self) -> bool | None:
        """Whether the bucket keeps what is overwritten and deleted."""
        root = self._setting("versioning")
        return None if root is None else root.findtext("Status") == "Enabled"

    def lifecycle(self) -> Lifecycle | None:
        """What the bucket's rules do to abandoned uploads under the prefix."""
        root = self._setting("lifecycle")
        return None if root is None else Lifecycle(documents.abort_days(root, self.store.prefix))

    # within

    def _call(
        self,
        operation: str,
        method: str,
        key: str | None,
        headers: dict[str, str] | None = None,
        payload: Payload | None = None,
    ) -> Call:
        call = Call(operation, method, "" if key is None else self.store.prefix + key, headers=headers or {})
        if payload is not None:
            call.payload = payload
        return call

    def _document(self, call: Call, query: dict[str, str] | None = None, named: str = "") -> Element:
        """The answer's XML. `named`: anything else, an error too, would look like an empty listing, or like success."""
        roots: deque[Element] = deque(maxlen=1)

        def check(answer: Answer) -> None:
            try:
                roots.append(documents.root_of(answer.body))
            except documents.NotS3:
                raise Spoiled("NotS3") from None
            if named and roots[0].tag != named:
                raise Spoiled("NotS3")

        call.query, call.check = call.query if query is None else query, check
        self._requests.send(call)
        return roots[0]

    def _setting(self, name: str) -> Element | None:
        try:
            return self._document(self._call(name, "GET", None), {name: ""})
        except Forbidden:
            return None
        except Missing:  # it was never set
            return Element(name)
        except S3Error as error:
            if type(error) is not S3Error:
                raise
            return Element(name)  # this store has no such setting

    def _head(self, key: str) -> Answer:
        return self._requests.send(self._call("head", "HEAD", key))

    def _exists(self, key: str) -> bool:
        try:
            self._head(key)
        except Missing:
            return False
        return True

    def _nothing(self, key: str, etag: str | None) -> Got:
        found = self.head(key)
        if etag is not None and found.etag != etag:
            raise ConditionFailed("get", "PreconditionFailed", 412)
        return Got(b"", found.size, found.etag, found.modified)

    def _own_etag(self, key: str, refused: S3Error, is_ours: Callable[[Answer], bool]) -> str:
        """The etag of the object, when an attempt of ours wrote it that had no answer; else raises what was refused."""
        try:
            answer = self._head(key)
        except Missing:
            raise refused from None
        if not is_ours(answer):
            raise refused
        return documents.quoted(answer.headers.get("etag", ""))

    def _is_ours(self, key: str, answer: Answer, payload: Payload, token: str) -> bool:
        if TOKEN in answer.headers:
            return answer.headers[TOKEN] == token
        if payload.length > COMPARED or answer.headers.get("content-length") != str(payload.length):
            return False
        return hashlib.sha256(self.get(key).body).hexdigest() == payload.sha256()

    def _encryption(self) -> dict[str, str]:
        if self.store.encryption == "none":
            return {}
        headers: dict[str, str] = {"x-amz-server-side-encryption": self.store.encryption}
        if self.store.kms_key:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.store.kms_key
        return headers

    def _sums(self, payload: Payload) -> dict[str, str]:
        match self.store.checksum:
            case "crc32":
                return {"x-amz-checksum-crc32": payload.crc32()}
            case "md5":
                return {"Content-MD5": base64_text(payload.md5())}
            case "none":
                return {}

    def _check_written(self, payload: Payload) -> Callable[[Answer], None]:
        def check(answer: Answer) -> None:
            _check_etag(answer)
            if (
                self.store.checksum == "crc32"
                and answer.headers.get("x-amz-checksum-crc32", payload.crc32()) != payload.crc32()
            ):
                raise Spoiled("WrongChecksum")

        return check


def _condition(only_if: Condition | None) -> dict[str, str]:
    match only_if:
        case None:
            return {}
        case Absent():
            return {"If-None-Match": "*"}
        case Unchanged(etag):
            return {"If-Match": etag}


def _check_etag(answer: Answer) -> None:
    if not answer.headers.get("etag"):
        raise Spoiled("NoEtag")


def _check_deleted(answer: Answer) -> None:
    with _believing("delete-many"):
        codes = documents.deletion_errors(documents.root_of(answer.body))
    refused = next((code for code in codes if code != "NoSuchKey"), None)
    if refused == "AccessDenied":
        raise Forbidden("delete-many", refused, answer.status)
    if refused is not None:
        raise Spoiled(refused, Unavailable)


def _etag_of_parts(etags: Sequence[str]) -> str:
    """The etag that S3 gives to an object of parts, where the parts' etags are MD5s; else what no object has."""
    try:
        digests = b"".join(bytes.fromhex(etag.strip('"')) for etag in etags)
    except ValueError:
        return "none"
    return f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(etags)}"'


@contextmanager
def _believing(operation: str) -> Iterator[None]:
    try:
        yield
    except documents.NotS3:
        raise Damaged(operation, "NotS3") from None

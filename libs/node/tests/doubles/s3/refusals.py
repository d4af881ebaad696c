"""What the double answers, and refuses, in S3's own shapes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

Tree = str | list[tuple[str, "Tree"]]

STATUS = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidToken": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}


@dataclass(frozen=True)
class Slice:
    """Some bytes of a file."""

    path: Path
    offset: int
    length: int


@dataclass
class Answer:
    """An HTTP answer that is not yet sent. `claims` is the length that a HEAD tells without a body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | list[Slice] = b""
    claims: int | None = None
    code: str = ""

    @property
    def length(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else sum(piece.length for piece in self.body)


class Refusal(Exception):
    """S3's error; `more` are further elements of its XML."""

    def __init__(
        self,
        code: str,
        *,
        headers: Mapping[str, str] | None = None,
        status: int = 0,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.status = code, status or STATUS.get(code, 400)
        self.headers, self.more = dict(headers or {}), dict(more or {})

    def answer(self, request_id: str) -> Answer:
        if self.status == 304:
            return Answer(304, self.headers, code=self.code)
        fields: list[tuple[str, Tree]] = [("Code", self.code), ("Message", f"The double says {self.code}.")]
        fields += [*self.more.items(), ("RequestId", request_id), ("HostId", "double")]
        return Answer(self.status, {**XML, **self.headers}, document("Error", fields, namespace=False), code=self.code)


XML = {"Content-Type": "application/xml"}


def _written(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield escape(tree)
        return
    for name, child in tree:
        yield f"<{name}>"
        yield from _written(child)
        yield f"</{name}>"


def document(name: str, tree: Tree, *, namespace: bool = True) -> bytes:
    attribute = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' if namespace else ""
    inner = "".join(_written(tree))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{attribute}>{inner}</{name}>'.encode()

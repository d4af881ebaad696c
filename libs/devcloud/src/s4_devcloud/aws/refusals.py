"""An error as each of AWS's dialects says it."""

import json
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from s4_devcloud.aws.calls import Dialect

SWALLOWED_BYTES = 65536
REASONS = {400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 500: "Internal Server Error"}


@dataclass(frozen=True)
class Refusal:
    """What the caller is told instead of an answer."""

    code: str
    status: int
    message: str


THROTTLED: dict[Dialect, tuple[str, int]] = {
    "ec2": ("RequestLimitExceeded", 503),
    "s3": ("SlowDown", 503),
    "query": ("Throttling", 400),
    "json": ("ThrottlingException", 400),
}
ENDED: dict[Dialect, Refusal] = {
    "ec2": Refusal("RequestExpired", 400, "Request has expired."),
    "s3": Refusal("ExpiredToken", 400, "The provided token has expired."),
    "query": Refusal("ExpiredToken", 403, "The security token included in the request is expired"),
    "json": Refusal("ExpiredTokenException", 400, "The security token included in the request is expired"),
}


def throttled(dialect: Dialect, message: str) -> Refusal:
    """Too many requests; named differently by each of them."""
    code, status = THROTTLED[dialect]
    return Refusal(code, status, message)


def refuse(
    refusal: Refusal, environ: dict[str, Any], start_response: Callable[..., Any], dialect: Dialect
) -> Iterable[bytes]:
    """The answer; the body of the request has been read."""
    _swallow(environ)
    payload, kind = written(refusal, dialect)
    status = f"{refusal.status} {REASONS.get(refusal.status, 'Service Unavailable')}"
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(payload)))])
    return [payload]


def written(refusal: Refusal, dialect: Dialect) -> tuple[bytes, str]:
    """The body of the answer and its type."""
    if dialect == "json":
        said = {"__type": refusal.code, "message": refusal.message}
        return json.dumps(said).encode(), "application/x-amz-json-1.1"
    error = f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
    request_id = uuid.uuid4()
    match dialect:
        case "ec2":
            body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        case "s3":
            body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
        case _:
            wrapped = f"<Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId>"
            body = f"<ErrorResponse>{wrapped}</ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode(), "text/xml"


def _swallow(environ: dict[str, Any]) -> None:
    """Who is still sending would see a reset instead of the answer."""
    left = int(environ.get("CONTENT_LENGTH") or 0) or (sys.maxsize if environ.get("wsgi.input_terminated") else 0)
    while left > 0 and (piece := environ["wsgi.input"].read(min(left, SWALLOWED_BYTES))):
        left -= len(piece)

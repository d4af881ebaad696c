"""What every API request passes before it reaches moto: injected throttling, errors and cut connections."""

import io
import re
import socket
import sys
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Literal
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from s4_devcloud.aws import s3
from s4_devcloud.aws.faults import Fault, Faults

Dialect = Literal["ec2", "s3", "query"]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

EC2_VERSION = "2016-11-15"
# Route 53 speaks REST: the action follows from method and path.
ROUTE53_ACTIONS = (
    ("POST", re.compile(r"^/2013-04-01/hostedzone/[^/]+/rrset/?$"), "ChangeResourceRecordSets"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/[^/]+/rrset/?$"), "ListResourceRecordSets"),
    ("POST", re.compile(r"^/2013-04-01/hostedzone/?$"), "CreateHostedZone"),
    ("GET", re.compile(r"^/2013-04-01/hostedzonesbyname/?$"), "ListHostedZonesByName"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/?$"), "ListHostedZones"),
    ("GET", re.compile(r"^/2013-04-01/change/[^/]+/?$"), "GetChange"),
)
THROTTLED: dict[Dialect, tuple[str, int]] = {
    "ec2": ("RequestLimitExceeded", 503),
    "s3": ("SlowDown", 503),
    "query": ("Throttling", 400),
}
SWALLOWED_BYTES = 65536
REASONS = {400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 500: "Internal Server Error"}


class Gate:
    """A WSGI application in front of another one."""

    def __init__(self, inner: Wsgi, faults: Faults, is_known_token: Callable[[str], bool]) -> None:
        self._inner, self._faults, self._is_known_token = inner, faults, is_known_token

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let the request through, unless it was to go wrong."""
        form = _form(environ)
        s3_action = s3.action_of(environ)
        action = form.get("Action") or _route53_action(environ) or s3_action
        if not action:
            return self._inner(environ, start_response)
        dialect: Dialect = "s3" if s3_action else "ec2" if form.get("Version") == EC2_VERSION else "query"
        if fault := self._faults.take("throttle", "error", action=action):
            _swallow(environ)
            return _refuse(_as_error(fault, dialect), start_response, dialect)
        # A repeated token is answered with the instance that it already got, capacity or not.
        new_launch = action == "RunInstances" and not self._is_known_token(form.get("ClientToken", ""))
        if new_launch and (fault := self._faults.take("capacity")):
            fault.code, fault.status = "InsufficientInstanceCapacity", 500
            return _refuse(fault, start_response, dialect)
        if self._faults.take("cut", action=action):
            list(self._inner(environ, lambda *_: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionError("injected: the answer is lost")
        return self._inner(environ, start_response)


def _form(environ: dict[str, Any]) -> dict[str, str]:
    """The first value of each field of a posted form; the body stays readable."""
    if "x-www-form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def _route53_action(environ: dict[str, Any]) -> str:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    return next((action for verb, shape, action in ROUTE53_ACTIONS if verb == method and shape.match(path)), "")


def _swallow(environ: dict[str, Any]) -> None:
    """The body was read: who is still sending would see a reset instead of the answer."""
    left = int(environ.get("CONTENT_LENGTH") or 0) or (sys.maxsize if environ.get("wsgi.input_terminated") else 0)
    while left > 0 and (piece := environ["wsgi.input"].read(min(left, SWALLOWED_BYTES))):
        left -= len(piece)


def _as_error(fault: Fault, dialect: Dialect) -> Fault:
    """Throttling is named differently by each of them."""
    if fault.kind == "throttle":
        fault.code, fault.status = THROTTLED[dialect]
    return fault


def _refuse(fault: Fault, start_response: Callable[..., Any], dialect: Dialect) -> Iterable[bytes]:
    error = f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"
    request_id = uuid.uuid4()
    match dialect:
        case "ec2":
            body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        case "s3":
            body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
        case _:
            wrapped = f"<Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId>"
            body = f"<ErrorResponse>{wrapped}</ErrorResponse>"
    payload = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
    status = f"{fault.status} {REASONS.get(fault.status, 'Service Unavailable')}"
    start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(payload)))])
    return [payload]

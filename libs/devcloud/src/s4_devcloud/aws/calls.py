"""What an HTTP request to the emulated AWS asks for: which action of which service, in whose name, in which dialect."""

import io
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from s4_devcloud.aws import s3
from s4_devcloud.aws.sessions import signer_in

Dialect = Literal["ec2", "s3", "query", "json"]

SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([a-z0-9-]+)/aws4_request")
# Route 53 speaks REST: the action follows from method and path.
ROUTE53_ACTIONS = (
    ("POST", re.compile(r"^/2013-04-01/hostedzone/[^/]+/rrset/?$"), "ChangeResourceRecordSets"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/[^/]+/rrset/?$"), "ListResourceRecordSets"),
    ("POST", re.compile(r"^/2013-04-01/hostedzone/?$"), "CreateHostedZone"),
    ("GET", re.compile(r"^/2013-04-01/hostedzonesbyname/?$"), "ListHostedZonesByName"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/?$"), "ListHostedZones"),
    ("GET", re.compile(r"^/2013-04-01/hostedzone/[^/]+/?$"), "GetHostedZone"),
    ("DELETE", re.compile(r"^/2013-04-01/hostedzone/[^/]+/?$"), "DeleteHostedZone"),
    ("GET", re.compile(r"^/2013-04-01/tags/.+$"), "ListTagsForResource"),
    ("POST", re.compile(r"^/2013-04-01/tags/.+$"), "ChangeTagsForResource"),
    ("GET", re.compile(r"^/2013-04-01/change/[^/]+/?$"), "GetChange"),
)


@dataclass(frozen=True)
class Call:
    """One request. `action` is empty when it has no name here; `service` when it is not signed."""

    service: str
    action: str
    dialect: Dialect
    access_key_id: str
    form: dict[str, str]

    @property
    def name(self) -> str:
        """As in policies: ec2:RunInstances."""
        return f"{self.service or 'unsigned'}:{self.action or 'other'}"

    def fits(self, pattern: str) -> bool:
        """The pattern is an action, one of a service (`ec2:RunInstances`), all of a service (`ec2:*`), or `*`."""
        return pattern in {"*", self.action, f"{self.service}:*", self.name}


def call_of(environ: dict[str, Any]) -> Call:
    """The request as a call; its body stays readable."""
    signed = environ.get("HTTP_AUTHORIZATION", "")
    scope = SCOPE.search(signed)
    service = scope.group(1) if scope else ""
    form = _form(environ)
    action = form.get("Action") or environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    action = action or _route53_action(environ) or s3.action_of(environ)
    return Call(service, action, _dialect(service, environ), signer_in(signed), form)


def _dialect(service: str, environ: dict[str, Any]) -> Dialect:
    if "HTTP_X_AMZ_TARGET" in environ:
        return "json"
    match service:
        case "ec2":
            return "ec2"
        case "s3":
            return "s3"
        case _:
            return "query"


def _form(environ: dict[str, Any]) -> dict[str, str]:
    """The first value of each field of a posted form."""
    if "x-www-form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def _route53_action(environ: dict[str, Any]) -> str:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    return next((action for verb, shape, action in ROUTE53_ACTIONS if verb == method and shape.match(path)), "")

"""Policies decide: moto's own check of a request is replaced by one that knows resources, conditions and sessions.

A Deny in a bucket's policy always holds. Everything else holds for those whom `Enforcement` names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlparse
from xml.sax.saxutils import unescape

import flask
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam import access_control
from moto.iam.access_control import IAMRequest, PermissionResult, S3IAMRequest
from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import FakeBucket, s3_backends
from moto.sts.models import AssumedRole
from werkzeug.exceptions import HTTPException

from s4_devcloud.aws.callers import Caller, SessionKey, caller_of, caller_with
from s4_devcloud.aws.calls import Dialect
from s4_devcloud.aws.policies import Asked, Malformed, Statement, judge, parse
from s4_devcloud.aws.presigned import signer_of
from s4_devcloud.aws.refusals import Refusal, written
from s4_devcloud.aws.sessions import role_named, session_of
from s4_devcloud.aws.subjects import of_ec2, of_iam, requested_tags

Who = Literal["nobody", "sessions", "everybody"]
WHO: tuple[Who, ...] = ("nobody", "sessions", "everybody")
RESULTS = {"allow": PermissionResult.PERMITTED, "deny": PermissionResult.DENIED, "none": PermissionResult.NEUTRAL}
ROUTE53_RESOURCE = re.compile(r"^/2013-04-01/((?:hostedzone|change)/[^/]+)")
DELETED_KEY = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)


@dataclass
class Enforcement:
    """Whose policies are enforced; what moto's own switch says counts as well."""

    who: Who = "nobody"

    def is_for(self, access_key_id: str) -> bool:
        """This caller may do only what policies allow."""
        if self.who == "everybody" or ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
            return True
        ActionAuthenticatorMixin.request_count += 1
        return self.who == "sessions" and session_of(access_key_id) is not None


class Judged:
    """What both of moto's kinds of requests are given instead of its own check."""

    _access_key: Any
    _action: str
    _data: dict[str, str]
    _raise_access_denied: Callable[[], None]

    def check_action_permitted(self, resource: str) -> None:
        """Return when it is allowed; refused as the service does it otherwise."""
        if self._action == "sts:GetCallerIdentity":
            return
        caller = caller_with(self._access_key)
        if not all(_is_allowed(caller, asked) for asked in self._asked(caller, resource)):
            self._raise_access_denied()

    def _asked(self, caller: Caller, resource: str) -> list[Asked]:
        said = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
        context = {key: self._data[name] for key, name in said.items() if self._data.get(name)}
        return [Asked(self._action, resource, caller.principals, {**caller.context, **context})]


class Denied(HTTPException):
    """As the service says it."""

    def __init__(self, refusal: Refusal, dialect: Dialect) -> None:
        super().__init__(written(refusal, dialect)[0].decode())
        self.code = refusal.status


class JudgedRequest(Judged, IAMRequest):
    """A request to anything but S3."""

    _service: str
    _headers: Any
    _body: bytes
    _method: str
    _region: str
    account_id: str

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        if self._service == "tagging":  # in policies it has another name: service authorization reference
            self._action = self._action.replace("tagging:", "tag:")

    def _asked(self, caller: Caller, resource: str) -> list[Asked]:
        """EC2 judges each thing that is named by itself."""
        asked = super()._asked(caller, resource)
        found = of_ec2(self._action, self.account_id, self._region, self._data)
        if not found:
            return asked
        context = {**asked[0].context, **requested_tags(self._data)}
        return [Asked(self._action, arn, caller.principals, context | tags) for arn, tags in found]

    def _create_aws_request(self) -> Any:
        """Moto takes parameters of the path for a body where there is none."""
        request = super()._create_aws_request()
        if self._method != "POST":
            request.data = self._body or b""
        return request

    def _raise_access_denied(self) -> None:
        text = f"User: {self._access_key.arn} is not authorized to perform: {self._action}"
        if self._service == "ec2":
            raise Denied(Refusal("UnauthorizedOperation", 403, text), "ec2")
        if "X-Amz-Target" in self._headers:
            raise Denied(Refusal("AccessDeniedException", 400, text), "json")
        raise Denied(Refusal("AccessDenied", 403, text), "query")


class JudgedS3Request(Judged, S3IAMRequest):
    """A request to S3."""

    _path: str
    _body: bytes
    _headers: Any

    def _asked(self, caller: Caller, resource: str) -> list[Asked]:
        wanted = [(self._action, each) for each in _each(resource, self._path, self._body)]
        wanted += _copied(self._headers)
        context = caller.context | _said(self._path)
        return [Asked(action, each, caller.principals, context) for action, each in wanted]


def extend(enforcement: Enforcement) -> None:
    """From now on every request is judged here."""

    def authorize(response: Any, kind: Any, resource: str = "*") -> None:
        if kind is JudgedS3Request:
            session = _session(response)
            _check_bucket(response, resource, session)
            if session is not None and "Authorization" not in response.headers:
                _check_address(response, resource, session, enforcement)
                return
        if enforcement.is_for(response.access_key):
            _check(response, kind, resource if resource != "*" else _named_by(response))

    def permission(_bucket: Any, action: str, resource: str) -> PermissionResult:
        """Only of use to the anonymous: the others have been judged."""
        if "Authorization" in flask.request.headers or (statements := _policy_of_bucket(resource)) is None:
            return PermissionResult.NEUTRAL
        return RESULTS[judge(statements, Asked(action, resource, frozenset(), _said(flask.request.url)))]

    FakeBucket.get_permission = permission  # type: ignore[method-assign,assignment]  # no hook
    access_control.AssumedRoleAccessKey = SessionKey  # type: ignore[misc,assignment]  # the same shape
    access_control.IAMRequest = JudgedRequest  # type: ignore[misc,assignment]  # no hook
    access_control.S3IAMRequest = JudgedS3Request  # type: ignore[misc]  # as above
    moto = ActionAuthenticatorMixin
    moto._authenticate_and_authorize_action = authorize  # type: ignore[assignment]  # noqa: SLF001  as above


def _named_by(response: Any) -> str:
    """The ARN of the zone or the role that a call is about, where moto does not know it."""
    if found := ROUTE53_RESOURCE.search(response.path):
        return f"arn:aws:route53:::{found.group(1)}"
    if response.service_name != "iam":
        return "*"
    names = [response._get_param(name) for name in ("RoleName", "InstanceProfileName", "Path")]  # noqa: SLF001  no other way
    return of_iam(response.current_account, *names) or "*"


def _check(response: Any, kind: Any, resource: str) -> None:
    query = urlparse(response.uri).query
    request = kind(
        account_id=response.current_account,
        method=response.method,
        path=f"{response.raw_path}?{query}" if query else response.raw_path,
        data=response.data,
        body=response.raw_body,
        headers=response.headers,
        action=response._get_action(),  # noqa: SLF001  as moto's own check asks
    )
    request.check_signature()
    request.check_action_permitted(resource)


def _session(response: Any) -> AssumedRole | None:
    """Whose request it is, also by an address that was signed."""
    if "Authorization" in response.headers:
        return session_of(response.access_key)
    as_sent = f"{flask.request.host_url.rstrip('/')}{flask.request.environ['REQUEST_URI']}"
    return signer_of(flask.request.method, as_sent)


def _check_address(response: Any, resource: str, session: AssumedRole, enforcement: Enforcement) -> None:
    """Whoever has the address may do what the session may that has signed it."""
    caller = caller_of(session)
    asked = Asked(f"s3:{response.data['Action']}", resource, caller.principals, caller.context)
    if enforcement.is_for(session.access_key_id) and not _is_allowed(caller, asked):
        raise BucketAccessDeniedError(bucket=_bucket_in(resource))


def _check_bucket(response: Any, resource: str, session: AssumedRole | None) -> None:
    """An explicit Deny of a bucket's policy refuses whoever it names; of the one that is copied from, too."""
    wanted = [(f"s3:{response.data['Action']}", each) for each in _each(resource, response.uri, response.raw_body)]
    caller = caller_of(session) if session else None
    context = {**(caller.context if caller else {}), **_said(response.uri)}
    for action, each in (*wanted, *_copied(response.headers)):
        statements = _policy_of_bucket(each)
        asked = Asked(action, each, caller.principals if caller else frozenset(), context)
        if statements and judge(statements, asked) == "deny":
            raise BucketAccessDeniedError(bucket=_bucket_in(resource))


def _is_allowed(caller: Caller, asked: Asked) -> bool:
    """The session's own limits count as well as what its role may do."""
    owned = judge(caller.statements, asked)
    of_resource = _judge_resource(asked)
    limits = "allow" if caller.limits is None else judge(caller.limits, asked)
    if "deny" in {owned, of_resource, limits} or limits == "none":
        return False
    if asked.action == "sts:AssumeRole":
        return of_resource == "allow" and owned == "allow"
    return "allow" in {owned, of_resource}


def _judge_resource(asked: Asked) -> str:
    """What the policy of the thing itself says: of a bucket, or of a role about to be assumed."""
    if asked.action == "sts:AssumeRole":
        _, role = role_named(asked.resource)
        return judge(parse(role.assume_role_policy_document), asked) if role is not None else "none"
    statements = _policy_of_bucket(asked.resource) if asked.action.startswith("s3:") else None
    return judge(statements, asked) if statements else "none"


def _policy_of_bucket(resource: str) -> list[Statement] | None:
    """The policy of the bucket in the ARN, whoever's it is."""
    name = _bucket_in(resource)
    for account in list(s3_backends.values()):
        for backend in list(account.values()):
            bucket = backend.buckets.get(name)
            if bucket is not None and bucket.policy:
                try:
                    return parse(bucket.policy.decode())
                except Malformed:
                    return None
    return None


def _each(resource: str, path: str, body: bytes) -> list[str]:
    """DeleteObjects is about the objects that it names, not about the bucket."""
    if "delete" not in parse_qs(urlparse(path).query, keep_blank_values=True):
        return [resource]
    return [f"{resource}/{unescape(key)}" for key in DELETED_KEY.findall(body.decode())] or [resource]


def _copied(headers: Any) -> list[tuple[str, str]]:
    """What is copied must be allowed to be read."""
    source = unquote(headers.get("X-Amz-Copy-Source", "")).lstrip("/").partition("?")[0]
    return [("s3:GetObject", f"arn:aws:s3:::{source}")] if source else []


def _bucket_in(arn: str) -> str:
    return arn.rpartition(":::")[2].partition("/")[0]


def _said(path: str) -> dict[str, str]:
    """The condition keys that a request to S3 fills; one without TLS to a local cloud counts as secure."""
    query = parse_qs(urlparse(path).query, keep_blank_values=True)
    named = {f"s3:{name}": query[name][0] for name in ("prefix", "delimiter", "max-keys") if name in query}
    return {"aws:SecureTransport": "true", **named}

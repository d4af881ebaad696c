"""moto's STS with sessions that end, and without the gaps that would let a wrong caller pass."""

import datetime as dt
import re
from contextlib import suppress
from typing import Any, ClassVar

from flask import has_request_context, request
from moto.core.exceptions import AccessDeniedError
from moto.core.utils import utcnow
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError, STSValidationError
from moto.sts.models import AssumedRole, STSBackend, sts_backends

from s4_devcloud.aws.faults import Faults
from s4_devcloud.aws.policies import Malformed, parse

SHORTEST, LONGEST_CHAINED = 900, 3_600  # seconds; STS API reference, AssumeRole, DurationSeconds
LONGEST_POLICY = 2_048  # characters; the same page, Policy
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
SIGNED_WITH = re.compile(r"Credential=([A-Za-z0-9]+)/")


class SessionBackend(STSBackend):
    """One account's STS. Sessions are found by their key, and their last second is known."""

    faults: ClassVar[Faults]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.sessions: dict[str, AssumedRole] = {}

    def assume_role(  # noqa: PLR0917  moto's own signature
        self,
        region_name: str,
        role_session_name: str,
        role_arn: str,
        policy: str,
        duration: int,
        external_id: str,
    ) -> AssumedRole:
        """A session of a role that exists, for as long as was asked or a fault says."""
        _check_shape(role_session_name, policy, duration)
        account_id, role = role_named(role_arn)
        if role is None:
            raise AccessDeniedError(f"arn:aws:iam::{self.account_id}:root", f"sts:AssumeRole on resource: {role_arn}")
        if duration > int(role.max_session_duration or LONGEST_CHAINED):
            raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        if duration > LONGEST_CHAINED and session_of(_signer()) is not None:
            raise STSValidationError(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        if short := self.faults.take("short-session", action="AssumeRole"):
            duration = int(short.seconds)
        key = iam_backends[account_id][self.partition].create_temp_access_key()
        key.role_arn = role_arn
        made = AssumedRole(
            account_id=account_id,
            region_name=region_name,
            access_key=key,
            role_session_name=role_session_name,
            role_arn=role_arn,
            policy=policy,
            duration=duration,
            external_id=external_id,
        )
        backend: SessionBackend = sts_backends[account_id][self.partition]  # type: ignore[assignment]  # see extend
        backend.sessions[made.access_key_id] = made
        return made

    def get_assumed_role_from_access_key(self, access_key_id: str) -> AssumedRole | None:
        """The session with this key."""
        return self.sessions.get(access_key_id)


SessionBackend.__module__ = STSBackend.__module__  # moto finds its routes by the name of the module


def extend(faults: Faults) -> None:
    """From now on the sessions of every account are ours."""
    SessionBackend.faults = faults
    sts_backends.backend = SessionBackend


def session_of(access_key_id: str) -> AssumedRole | None:
    """The session with this key in any account, ended or not."""
    for session in (backend.sessions.get(access_key_id) for backend in _backends()):
        if session is not None:
            return session
    return None


def has_ended(access_key_id: str) -> bool:
    """It is a session's key, and the session is over."""
    session = session_of(access_key_id)
    return session is not None and session.expiration <= utcnow()


def end_sessions(role: str, session_name: str = "") -> int:
    """Those of the role (its name) are over, or the one of that name; how many were not over before."""
    now, ended = utcnow(), 0
    for session in [session for backend in _backends() for session in list(backend.sessions.values())]:
        is_meant = role_name(session) == role and session_name in {"", session.session_name}
        if is_meant and session.expiration > now:
            session.expiration, ended = now - dt.timedelta(seconds=1), ended + 1
    return ended


def role_name(session: AssumedRole) -> str:
    """The name without the path."""
    return str(session.role_arn).rpartition("/")[2]


def role_named(arn: str) -> tuple[str, Any]:
    """The account, and the role with exactly this ARN or None."""
    account_id = arn.split(":")[4] if arn.count(":") == 5 else ""  # arn:partition:iam::account:role/name
    partition = arn.split(":")[1] if account_id else "aws"
    with suppress(NotFoundException, KeyError):
        return account_id, iam_backends[account_id][partition].get_role_by_arn(arn)
    return account_id, None


def signer_in(authorization: str) -> str:
    """The access key that a request is signed with; empty when it is not."""
    found = SIGNED_WITH.search(authorization)
    return found.group(1) if found else ""


def _signer() -> str:
    return signer_in(request.headers.get("Authorization", "")) if has_request_context() else ""


def _backends() -> list[SessionBackend]:
    accounts: Any = list(sts_backends.values())
    return [backend for account in accounts for backend in list(account.values())]


def _check_shape(role_session_name: str, policy: str, duration: int) -> None:
    if not SESSION_NAME.fullmatch(role_session_name or ""):
        raise _invalid(role_session_name, "roleSessionName", "Member must satisfy regular expression pattern")
    if duration < SHORTEST:
        raise _invalid(duration, "durationSeconds", f"Member must have value greater than or equal to {SHORTEST}")
    if policy and len(policy) > LONGEST_POLICY:
        raise _invalid("...", "policy", f"Member must have length less than or equal to {LONGEST_POLICY}")
    if policy:
        try:
            parse(policy)
        except Malformed as malformed:
            raise STSClientError("MalformedPolicyDocument", str(malformed)) from None


def _invalid(value: object, name: str, constraint: str) -> STSValidationError:
    return STSValidationError(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
    )

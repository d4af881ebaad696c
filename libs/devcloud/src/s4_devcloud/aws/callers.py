"""Who a request is from, and every policy that says what they may do."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.credentials import Credentials
from moto.iam.access_control import CreateAccessKeyFailure, IAMUserAccessKey
from moto.iam.models import Policy
from moto.sts.models import AssumedRole

from s4_devcloud.aws.policies import Malformed, Statement, parse
from s4_devcloud.aws.sessions import role_named, session_of


@dataclass(frozen=True)
class Caller:
    """Somebody with an access key. `limits` is the policy that a session was given, if it was given one."""

    arn: str
    principals: frozenset[str]
    statements: list[Statement]
    limits: list[Statement] | None
    context: dict[str, str]


class SessionKey:
    """The key of a session, in the shape in which moto knows keys."""

    def __init__(self, account_id: str, partition: str, access_key_id: str, headers: dict[str, str]) -> None:
        found = session_of(access_key_id)
        if found is None:
            raise CreateAccessKeyFailure(reason="InvalidId")
        if headers.get("X-Amz-Security-Token") != found.session_token:
            raise CreateAccessKeyFailure(reason="InvalidToken")
        self.account_id, self.partition, self.session = account_id, partition, found

    @property
    def arn(self) -> str:
        """The ARN of the session, not of the role."""
        return str(self.session.arn)

    def create_credentials(self) -> Credentials:
        """What the request must have been signed with."""
        return Credentials(self.session.access_key_id, self.session.secret_access_key, self.session.session_token)

    def collect_policies(self) -> list[Any]:
        """The role's policies."""
        return _policies_of(self.session)


def caller_with(key: SessionKey | IAMUserAccessKey) -> Caller:
    """The owner of the key."""
    if isinstance(key, SessionKey):
        return caller_of(key.session)
    account = key.account_id
    named = {key.arn, account, f"arn:{key.partition}:iam::{account}:root"}
    context = {"aws:PrincipalArn": key.arn, "aws:PrincipalAccount": account, "aws:username": key.arn.rpartition("/")[2]}
    return Caller(key.arn, frozenset(named), _statements(key.collect_policies()), None, context)


def caller_of(session: AssumedRole) -> Caller:
    """The session: a policy may name it, its role or its account."""
    account, role_arn = str(session.account_id), str(session.role_arn)
    named = {session.arn, role_arn, account, f"arn:{session.partition}:iam::{account}:root"}
    context = {"aws:PrincipalArn": role_arn, "aws:PrincipalAccount": account, "aws:userid": session.user_id}
    limits = parse(session.policy) if session.policy else None
    return Caller(str(session.arn), frozenset(named), _statements(_policies_of(session)), limits, context)


def _policies_of(session: AssumedRole) -> list[Any]:
    _, role = role_named(session.role_arn)
    return [*role.policies.values(), *role.managed_policies.values()] if role is not None else []


def _statements(policies: Iterable[Any]) -> list[Statement]:
    """Kept by moto as text, as a policy with versions, or in a dict; one that is broken allows nothing."""
    found: list[Statement] = []
    for policy in policies:
        if isinstance(policy, Policy):
            document: Any = next(version.document for version in policy.versions if version.is_default)
        else:
            document = policy if isinstance(policy, str) else policy.get("policy_document", policy)
        try:
            found += parse(document if isinstance(document, str) else json.dumps(document))
        except Malformed:
            continue
    return found

"""What a storage node may do at AWS: use one bucket, for a while."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from s4_aws.policies import node_policy, reader_policy, trust
from s4_aws.trouble import AwsRefused, aws_errors
from s4_runtime import Clock, Secret, Temporary

_PATH = "/s4/"
_POLICY = "buckets"
SHORTEST = timedelta(minutes=15)
# The least MaxSessionDuration of a role, and the most that a role which takes another one gets (STS, AssumeRole).
LONGEST = timedelta(hours=1)
_SETTLED = timedelta(minutes=2)
_NAME = re.compile(r"[\w+=,.@-]{2,64}")


class RoleNotVisible(Temporary):
    """The role was made a moment ago, and IAM takes some seconds to spread."""


class Session(msgspec.Struct, frozen=True):
    """Credentials for one bucket until they expire. Only ``reveal`` gives the secret parts away."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expires_at: datetime


class Sessions:
    """Sessions of the one role that all storage nodes of a deployment have, each narrowed to its own bucket."""

    def __init__(self, sts: Any, iam: Any, clock: Clock) -> None:
        self._sts = sts
        self._iam = iam
        self._clock = clock
        self._account: str | None = None

    async def account(self) -> str:
        """The number of the account that we work in."""
        if self._account is None:
            with aws_errors():
                self._account = str((await self._sts.get_caller_identity())["Account"])
        return self._account

    async def ensure_role(self, name: str, buckets: tuple[str, ...], tags: dict[str, str]) -> str:
        """The ARN of the role, which may do in these buckets what a storage node does, and which our account may take.

        A bucket's name may end in ``*``. Idempotent; what somebody changed about the role is put right.
        """
        told = json.dumps(trust(await self.account()))
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        if await self._arn(name) is None:  # who may use the role need not be allowed to make it
            with aws_errors("EntityAlreadyExists"):
                await self._iam.create_role(RoleName=name, Path=_PATH, AssumeRolePolicyDocument=told, Tags=pairs)
        with aws_errors():
            policy = json.dumps(node_policy(*buckets))
            await asyncio.gather(
                self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=told),
                self._iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=policy),
            )
        arn = await self._arn(name)
        if arn is None:
            raise RoleNotVisible("role-not-visible", retry_after=timedelta(seconds=5))
        return arn

    async def _arn(self, name: str) -> str | None:
        with aws_errors("NoSuchEntity"):
            return str((await self._iam.get_role(RoleName=name))["Role"]["Arn"])
        return None

    async def session(self, role_arn: str, bucket: str, name: str, lasting: timedelta = LONGEST) -> Session:
        """A session of the role for exactly this bucket, to do there what a storage node does.

        ``name`` is what AWS's own logs call it: an opaque id. ``lasting``: between SHORTEST and LONGEST.
        Raises RoleNotVisible and the errors of s4_aws.trouble. Each call makes another session.
        """
        return await self._narrowed(role_arn, node_policy(bucket), name, lasting)

    async def reading(self, role_arn: str, bucket: str, name: str, lasting: timedelta = LONGEST) -> Session:
        """Such a session that reads and lists what is in the bucket, and changes nothing."""
        return await self._narrowed(role_arn, reader_policy(bucket), name, lasting)

    async def _narrowed(self, role_arn: str, policy: dict[str, Any], name: str, lasting: timedelta) -> Session:
        if not _NAME.fullmatch(name):
            raise AwsRefused("session-name-unusable")
        with aws_errors("AccessDenied"):
            answer = await self._sts.assume_role(
                RoleArn=role_arn,
                RoleSessionName=name,
                Policy=json.dumps(policy, separators=(",", ":")),
                DurationSeconds=int(lasting.total_seconds()),
            )
            return _session(answer["Credentials"])
        raise await self._why_denied(role_arn)

    async def _why_denied(self, role_arn: str) -> Temporary | AwsRefused:
        """STS says the same of a role that we may not take and of one that it does not know yet."""
        with aws_errors("NoSuchEntity"):
            role = (await self._iam.get_role(RoleName=role_arn.rpartition("/")[2]))["Role"]
            if self._clock.now() - role["CreateDate"] < _SETTLED:
                return RoleNotVisible("role-not-visible", retry_after=timedelta(seconds=5))
        return AwsRefused("aws-refused", reason="AccessDenied")


def _session(found: dict[str, Any]) -> Session:
    return Session(
        access_key_id=found["AccessKeyId"],
        secret_access_key=Secret(found["SecretAccessKey"]),
        session_token=Secret(found["SessionToken"]),
        expires_at=found["Expiration"].astimezone(UTC),
    )

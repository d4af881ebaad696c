"""What a grid's machine may do at AWS: use its own bucket, and nothing else."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from s4_aws.policies import node_policy
from s4_aws.trouble import AwsRefused, aws_errors

_PATH = "/s4/"
_POLICY = "own-bucket"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Roles:
    """Roles, each with an instance profile of the same name."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam

    async def ensure(self, name: str, bucket: str, tags: dict[str, str]) -> None:
        """The role may use the bucket, and a machine with the profile has the role. Idempotent.

        A new profile is not visible to EC2 at once (IAM, "Troubleshooting": eventual consistency).
        """
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        await asyncio.gather(self._role(name, pairs), self._profile(name, pairs))
        await asyncio.gather(self._allow(name, bucket), self._lend(name))

    async def remove(self, name: str) -> None:
        """Neither the role is there nor the profile. Idempotent: each part may be gone already."""
        named = {"InstanceProfileName": name}
        await self._without(self._iam.remove_role_from_instance_profile, **named, RoleName=name)
        await self._without(self._iam.delete_instance_profile, **named)
        await self._without(self._iam.delete_role_policy, RoleName=name, PolicyName=_POLICY)
        await self._without(self._iam.delete_role, RoleName=name)

    async def exists(self, name: str) -> bool:
        """Whether the role is there."""
        with aws_errors("NoSuchEntity"):
            await self._iam.get_role(RoleName=name)
            return True
        return False

    async def _role(self, name: str, tags: list[dict[str, str]]) -> None:
        with aws_errors("EntityAlreadyExists"):
            await self._iam.create_role(
                RoleName=name, Path=_PATH, AssumeRolePolicyDocument=json.dumps(_TRUST), Tags=tags
            )

    async def _profile(self, name: str, tags: list[dict[str, str]]) -> None:
        with aws_errors("EntityAlreadyExists"):
            await self._iam.create_instance_profile(InstanceProfileName=name, Path=_PATH, Tags=tags)

    async def _allow(self, name: str, bucket: str) -> None:
        with aws_errors():
            await self._iam.put_role_policy(
                RoleName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(node_policy(bucket))
            )

    async def _lend(self, name: str) -> None:
        """A profile holds one role, and says LimitExceeded when it has one (IAM API, AddRoleToInstanceProfile)."""
        with aws_errors("LimitExceeded", "EntityAlreadyExists"):
            await self._iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
            return
        with aws_errors():
            answer = await self._iam.get_instance_profile(InstanceProfileName=name)
        if name not in {role["RoleName"] for role in answer["InstanceProfile"]["Roles"]}:
            raise AwsRefused("instance-profile-has-another-role")

    async def _without(self, call: Callable[..., Awaitable[Any]], **parameters: str) -> None:
        with aws_errors("NoSuchEntity"):
            await call(**parameters)

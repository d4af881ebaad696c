"""Roles that nobody needs any more: of a deployment that ends, and of releases in which each machine had its own."""

from collections.abc import Awaitable, Callable
from typing import Any

from s4_aws.trouble import aws_errors


class Roles:
    """Roles, and instance profiles of the same names."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam

    async def remove(self, name: str) -> None:
        """Neither the role is there nor the profile. Idempotent: each part may be gone already, or never was."""
        named = {"InstanceProfileName": name}
        await self._without(self._iam.remove_role_from_instance_profile, **named, RoleName=name)
        await self._without(self._iam.delete_instance_profile, **named)
        with aws_errors("NoSuchEntity"):
            pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=name)
            for policy in [each async for page in pages for each in page["PolicyNames"]]:
                await self._without(self._iam.delete_role_policy, RoleName=name, PolicyName=policy)
        await self._without(self._iam.delete_role, RoleName=name)

    async def _without(self, call: Callable[..., Awaitable[Any]], **parameters: str) -> None:
        with aws_errors("NoSuchEntity"):
            await call(**parameters)

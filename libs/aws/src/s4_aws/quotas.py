"""How much the account may still have. Who may not ask does not know: that is None, never nothing and never all."""

from itertools import takewhile
from typing import Any

import msgspec

from s4_aws.trouble import aws_errors

# Service Quotas, "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", in vCPUs of one region.
_VCPUS = ("ec2", "L-1216C47A")
_STANDARD = frozenset("acdhimrtz")
_OTHERS = frozenset({"dl", "hpc", "inf", "mac", "trn"})  # these have quotas of their own
# "General purpose buckets" of the whole account; only Northern Virginia has it.
_BUCKETS = ("s3", "L-DC2B2D3D")
_PAGE = 1000
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_ABSENT = "NoSuchResourceException"
_COUNTED = ("pending", "running")


class Quota(msgspec.Struct, frozen=True):
    """What there is, and what there may be. None is unknown."""

    used: int | None
    allowed: int | None

    @property
    def room(self) -> int | None:
        """How many more there may be."""
        return None if self.used is None or self.allowed is None else max(0, self.allowed - self.used)


class Quotas:
    """The quotas of one region, and of the account. ``everywhere`` is the Service Quotas client of us-east-1."""

    def __init__(self, quotas: Any, everywhere: Any, ec2: Any, s3: Any) -> None:
        self._quotas = quotas
        self._everywhere = everywhere
        self._ec2 = ec2
        self._s3 = s3
        self._vcpus: dict[str, int] = {}

    async def vcpus(self) -> Quota:
        """The vCPUs of all running machines of the standard types in the region, ours or not."""
        return Quota(await self._used_vcpus(), await self._allowed(self._quotas, *_VCPUS))

    async def buckets(self) -> Quota:
        """All buckets of the account, ours or not."""
        return Quota(await self._used_buckets(), await self._allowed(self._everywhere, *_BUCKETS))

    async def vcpus_of(self, instance_type: str) -> int:
        """The vCPUs that a machine of this type counts. Raises NoSuchType."""
        with aws_errors():
            await self._learn({instance_type})
        return self._vcpus[instance_type]

    async def _used_vcpus(self) -> int | None:
        with aws_errors(*_DENIED):
            pages = self._ec2.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-state-name", "Values": list(_COUNTED)}],
                PaginationConfig={"PageSize": _PAGE},
            )
            groups = [group async for page in pages for group in page["Reservations"]]
            types = [each["InstanceType"] for group in groups for each in group["Instances"]]
            standard = [kind for kind in types if _is_standard(kind)]
            await self._learn(set(standard))
            return sum(self._vcpus[kind] for kind in standard)
        return None

    async def _used_buckets(self) -> int | None:
        with aws_errors(*_DENIED):
            pages = self._s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": _PAGE})
            return sum([len(page["Buckets"]) async for page in pages])
        return None

    async def _learn(self, types: set[str]) -> None:
        """The quota counts what a type has by default, whatever cores a machine was started with."""
        for kind in sorted(types - self._vcpus.keys()):
            answer = await self._ec2.describe_instance_types(InstanceTypes=[kind])
            self._vcpus[kind] = int(answer["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"])

    async def _allowed(self, client: Any, service: str, code: str) -> int | None:
        wanted = {"ServiceCode": service, "QuotaCode": code}
        with aws_errors(*_DENIED, _ABSENT) as ended:
            return int((await client.get_service_quota(**wanted))["Quota"]["Value"])
        if ended.code == _ABSENT:  # nobody ever asked for more: AWS's own value holds
            with aws_errors(*_DENIED, _ABSENT):
                return int((await client.get_aws_default_service_quota(**wanted))["Quota"]["Value"])
        return None


def _is_standard(instance_type: str) -> bool:
    family = "".join(takewhile(str.isalpha, instance_type))
    return family[:1] in _STANDARD and family not in _OTHERS

"""What the account may still have; who may not ask does not know."""

from collections.abc import Iterator

import pytest

from s4_aws.clients import Clients
from s4_aws.machines import LaunchRequest, Machines
from s4_aws.quotas import Quota, Quotas
from s4_aws.trouble import AwsUnavailable, NoSuchType, QuotaReached
from s4_runtime import new_id
from support.grid_cloud import Cloud

VCPUS = {"service": "ec2", "code": "L-1216C47A"}
BUCKETS = {"service": "s3", "code": "L-DC2B2D3D"}


@pytest.fixture
def quotas(clients: Clients) -> Quotas:
    return Quotas(clients.quotas, clients.quotas, clients.ec2, clients.s3)


@pytest.fixture
def limits(cloud: Cloud) -> Iterator[Cloud]:
    """The cloud, whose quotas are as at first afterwards."""
    yield cloud
    for quota in (VCPUS, BUCKETS):
        cloud.control("PUT", "/quotas", quota | {"value": None})


async def a_machine(machines: Machines, deployment: str, instance_type: str) -> None:
    image = await machines.image("s4-node-*")
    group = await machines.security_group(f"s4-{deployment}-hosts", (), {"s4:deployment": deployment})
    await machines.launch(
        LaunchRequest(
            token=new_id(),
            image=image.id,
            root_device=image.root_device,
            instance_type=instance_type,
            disk_gib=8,
            security_groups=(group,),
            user_data="#cloud-config\n{}\n",
            tags={"s4:deployment": deployment},
        )
    )


async def test_the_vcpus_of_all_standard_machines_count(
    quotas: Quotas, machines: Machines, deployment: str, limits: Cloud
) -> None:
    limits.control("PUT", "/quotas", VCPUS | {"value": 640})
    before = await quotas.vcpus()
    for kind in ("m5.large", "c5.xlarge"):
        await a_machine(machines, deployment, kind)
    after = await quotas.vcpus()

    assert before.used is not None
    assert (after.used, after.allowed) == (before.used + 6, 640)
    assert after.room == 640 - before.used - 6


async def test_machines_beyond_the_quota_are_for_a_person(
    quotas: Quotas, machines: Machines, deployment: str, limits: Cloud
) -> None:
    used = (await quotas.vcpus()).used or 0
    limits.control("PUT", "/quotas", VCPUS | {"value": used + 1})

    assert (await quotas.vcpus()).room == 1
    with pytest.raises(QuotaReached, match="VcpuLimitExceeded"):
        await a_machine(machines, deployment, "m5.large")


async def test_all_buckets_of_the_account_count(quotas: Quotas, clients: Clients, limits: Cloud) -> None:
    limits.control("PUT", "/quotas", BUCKETS | {"value": 10_000})
    before = (await quotas.buckets()).used or 0
    await clients.s3.create_bucket(Bucket=f"s4-{new_id()}")

    assert await quotas.buckets() == Quota(before + 1, 10_000)


@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
async def test_who_may_not_ask_for_the_quota_does_not_know_it(quotas: Quotas, cloud: Cloud, code: str) -> None:
    cloud.break_next("error", action="GetServiceQuota", code=code, status=400)
    quota = await quotas.vcpus()

    assert quota.allowed is None
    assert quota.used is not None
    assert quota.room is None


async def test_who_may_not_look_does_not_know_how_much_there_is(quotas: Quotas, cloud: Cloud) -> None:
    cloud.break_next("error", action="DescribeInstances", code="UnauthorizedOperation", status=403)
    quota = await quotas.vcpus()

    assert quota.used is None
    assert quota.room is None


async def test_being_busy_is_not_being_unknown(quotas: Quotas, cloud: Cloud) -> None:
    cloud.break_next("throttle", action="GetServiceQuota", times=2)

    with pytest.raises(AwsUnavailable):
        await quotas.vcpus()


async def test_a_quota_that_nobody_ever_changed_has_awss_own_value() -> None:
    class Untouched:
        async def get_service_quota(self, **_request: object) -> None:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "NoSuchResourceException"}}, "GetServiceQuota")

        async def get_aws_default_service_quota(self, **_request: object) -> dict[str, object]:
            return {"Quota": {"Value": 5.0}}

    assert await Quotas(Untouched(), None, None, None)._allowed(Untouched(), "ec2", "L-1216C47A") == 5


async def test_the_vcpus_of_a_type_are_known(quotas: Quotas) -> None:
    assert await quotas.vcpus_of("m5.large") == 2
    with pytest.raises(NoSuchType):
        await quotas.vcpus_of("x9.tiny")


def test_room_is_never_less_than_none() -> None:
    assert Quota(12, 10).room == 0
    assert Quota(None, 10).room is None
    assert Quota(2, 10).room == 8

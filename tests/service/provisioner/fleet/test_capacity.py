"""What is told of the room that there is, by the quotas of the local cloud."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from s4_contracts.provisioner import CapacityReported
from s4_provisioner import metrics
from s4_provisioner.fleet.capacity import Capacity
from s4_store.testing import emitted
from support.fleets import a_fleet
from support.grid_cloud import Cloud
from support.provisioner import Desk, a_desk
from support.room_left import BUCKETS, VCPUS, quota_left

FLEET = a_fleet(
    alone={"instance_type": "t3.small"},
    together={"instance_type": "t3.small", "isolation": "shard", "capacity": 10},
    plans={"team": "alone", "small": "together"},
)


@pytest.fixture
def cloud(cloud: Cloud) -> Iterator[Cloud]:
    yield cloud
    quota_left(cloud, VCPUS, None)
    quota_left(cloud, BUCKETS, None)


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    async with a_desk(database, cloud, fleet=FLEET) as desk:
        yield desk


async def reports(desk: Desk, pool: str) -> list[CapacityReported]:
    """What was told of one pool, after another look."""
    await Capacity(desk.pool, desk.tools).round()
    return [event for event in await emitted(desk.pool) if isinstance(event, CapacityReported) and event.pool == pool]


async def last_report(desk: Desk, pool: str) -> CapacityReported:
    return (await reports(desk, pool))[-1]


async def test_room_follows_from_the_quotas(desk: Desk, cloud: Cloud) -> None:
    quota_left(cloud, VCPUS, 5)
    quota_left(cloud, BUCKETS, 15)

    alone, together = await last_report(desk, "alone"), await last_report(desk, "together")

    assert (alone.can_build, alone.room, alone.code, alone.plans) == (True, 2, None, ["team"])
    assert (together.can_build, together.room, together.plans) == (True, 15, ["small"])
    assert alone.region == desk.settings.aws_region
    assert metrics.ROOM.labels("alone")._value.get() == 2


@pytest.mark.parametrize(("quota", "left", "code"), [(VCPUS, 1, "vcpu-quota"), (BUCKETS, 0, "bucket-quota")])
async def test_what_a_quota_does_not_let_us_build_is_told(
    desk: Desk, cloud: Cloud, quota: Any, left: int, code: str
) -> None:
    quota_left(cloud, quota, left)
    report = await last_report(desk, "alone")
    assert (report.can_build, report.room, report.code) == (False, 0, code)


async def test_once_there_is_room_again_that_is_told(desk: Desk, cloud: Cloud) -> None:
    quota_left(cloud, VCPUS, 0)
    assert not (await last_report(desk, "alone")).can_build
    quota_left(cloud, VCPUS, 100)
    await desk.pass_time(timedelta(minutes=6))
    assert (await last_report(desk, "alone")).can_build


async def test_who_has_paid_takes_room_before_anything_is_built(desk: Desk, cloud: Cloud) -> None:
    quota_left(cloud, VCPUS, 4)
    assert (await last_report(desk, "alone")).room == 2
    await desk.pay()
    assert (await last_report(desk, "alone")).room == 1
    await desk.pay()
    assert not (await last_report(desk, "alone")).can_build


async def test_nothing_new_is_told_once_an_hour_and_by_one_only(desk: Desk, cloud: Cloud) -> None:
    quota_left(cloud, VCPUS, 100)
    await asyncio.gather(*(Capacity(desk.pool, desk.tools).round() for _ in range(4)))
    assert len(await reports(desk, "alone")) == 1
    await desk.pass_time(timedelta(minutes=59))
    assert len(await reports(desk, "alone")) == 1
    await desk.pass_time(timedelta(minutes=2))
    assert len(await reports(desk, "alone")) == 2


async def test_plans_that_nobody_named_are_of_the_usual_pool_once_they_were_bought(desk: Desk) -> None:
    assert (await last_report(desk, "alone")).plans == ["team"]
    await desk.pay()
    assert (await last_report(desk, "alone")).plans == ["personal", "team"]


async def test_a_quota_that_is_not_told_denies_nothing(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("error", action="GetServiceQuota", code="AccessDeniedException", status=400, times=2)
    try:
        report = await last_report(desk, "alone")
    finally:
        cloud.mend()
    assert (report.can_build, report.room, report.code) == (True, None, None)


async def test_quotas_are_asked_for_by_one_of_many(desk: Desk, cloud: Cloud) -> None:
    cloud.calls()
    await asyncio.gather(*(Capacity(desk.pool, desk.tools).round() for _ in range(4)))
    assert cloud.calls().get("servicequotas:GetServiceQuota", 0) == 2

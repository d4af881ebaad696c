"""The real steps down and back up, against the local cloud, whose machines let us in and run nothing."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import msgspec
import pytest

from s4_aws.buckets import Buckets
from s4_contracts.ids import GridId
from s4_contracts.provisioner import FurlIssued, GridDeleted, GridResumed, GridSuspended, InstanceReady
from s4_provisioner.capability import furl_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import DOWN, Stage
from s4_provisioner.outcome import Outcome
from s4_provisioner.probe import Probe
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools
from support.grid_cloud import REGION, Cloud
from support.provisioner import Desk, a_desk, a_payment
from support.subscriptions import Subscription
from support.waiting import until

NOW = timedelta(0)
PAGE = 3
ALL_KINDS = {"instances", "volumes", "buckets", "addresses"}
KEYS = [f"shares/{number:02x}/{number}" for number in range(8)]


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    async with a_desk(database, cloud) as desk:
        usual = desk.tools.cloud(REGION)
        buckets = Buckets(usual.buckets._s3, REGION, PAGE)
        clouds = {REGION: msgspec.structs.replace(usual, buckets=buckets)}
        desk.tools = msgspec.structs.replace(desk.tools, clouds=clouds)
        yield desk
    cloud.mend()


@pytest.fixture
def subscription() -> Subscription:
    return Subscription(a_payment())


async def a_ready_grid(desk: Desk, subscription: Subscription) -> Grid:
    return await desk.comes_to(await desk.pay(subscription.payment), Stage.READY, within=60)


async def a_used_grid(desk: Desk, subscription: Subscription, cloud: Cloud) -> Grid:
    """There are shares in its bucket, and an upload that nobody will finish."""
    grid = await a_ready_grid(desk, subscription)
    await asyncio.to_thread(_use, cloud, grid)
    return grid


def _use(cloud: Cloud, grid: Grid) -> None:
    s3 = cloud.client("s3")
    for key in KEYS:
        s3.put_object(Bucket=grid.bucket, Key=key, Body=b"share")
    for number in range(PAGE + 1):
        s3.create_multipart_upload(Bucket=grid.bucket, Key=f"shares/unfinished/{number}")


def after(step: Step, happen: Callable[[], Awaitable[None]], on_call: int = 1) -> Step:
    """The step acts, and something happens before its result is kept, the first time."""
    calls = 0

    async def acting(grid: Grid, tools: Tools) -> Outcome:
        nonlocal calls
        calls += 1
        outcome = await step(grid, tools)
        if calls == on_call:
            await happen()
        return outcome

    return acting


def remains(cloud: Cloud, desk: Desk, grid: Grid) -> dict[str, list[str]]:
    return cloud.remains(desk.settings.deployment, grid.dns_name)


def instance_of(grid: Grid) -> str:
    assert grid.host
    assert grid.host.instance_id
    return grid.host.instance_id


async def no_machine(desk: Desk, cloud: Cloud) -> None:
    """Nothing is paid for that serves nobody."""
    deployment = desk.settings.deployment
    await until(lambda: cloud.instances(deployment) == [], within=30, what="the machine is gone")


async def test_a_suspended_grid_keeps_all_that_is_stored_and_its_name_and_costs_no_machine(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        assert set(remains(cloud, desk, ready)) == ALL_KINDS
        await desk.tell(subscription.suspended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
        await no_machine(desk, cloud)

    assert set(remains(cloud, desk, ready)) == {"buckets", "addresses"}
    assert len(cloud.client("s3").list_objects_v2(Bucket=ready.bucket)["Contents"]) == len(KEYS)


async def test_a_resumed_grid_is_the_same_node_by_the_same_furl(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        told = cloud.told(instance_of(ready))
        await desk.tell(subscription.suspended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
        await no_machine(desk, cloud)
        await desk.tell(subscription.resumed())
        grid = await desk.comes_to(ready.id, Stage.READY)

    again = cloud.told(instance_of(grid))
    assert again["introducer"]["files"]["private/node.pem"] == told["introducer"]["files"]["private/node.pem"]
    assert again["storage"]["files"]["private/node.pem"] == told["storage"]["files"]["private/node.pem"]
    assert again["storage"]["s3"] == told["storage"]["s3"]
    assert set(remains(cloud, desk, grid)) == ALL_KINDS
    furls = {furl_of(each, desk.tools.seal, hint=False).reveal() for each in (ready, grid)}
    assert len(furls) == 1
    assert len(await desk.events(GridResumed, grid.id)) == 1


@pytest.mark.long
async def test_a_grid_whose_machine_is_lost_before_it_is_stopped_comes_back_on_another_as_the_same_node(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        identity = cloud.told(instance_of(ready))["storage"]["files"]["private/node.pem"]
        await asyncio.to_thread(cloud.break_next, "lost", instance_id=instance_of(ready), shows="terminated")
        await desk.tell(subscription.suspended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
        await desk.tell(subscription.resumed())
        grid = await desk.comes_to(ready.id, Stage.READY, within=60)

    (living,) = cloud.instances(desk.settings.deployment)
    assert instance_of(grid) == living["InstanceId"] != instance_of(ready)
    assert cloud.told(instance_of(grid))["storage"]["files"]["private/node.pem"] == identity
    assert cloud.address_of(grid.dns_name) == [living["PublicIpAddress"]]
    assert len(cloud.client("s3").list_objects_v2(Bucket=ready.bucket)["Contents"]) == len(KEYS)


async def test_another_plan_reaches_the_machine(desk: Desk, cloud: Cloud, subscription: Subscription) -> None:
    async with desk.converging():
        grid = await a_ready_grid(desk, subscription)
        before = cloud.told(instance_of(grid))
        await desk.tell(subscription.changed(quota_bytes=4 * 10**12))
        await desk.comes_to(grid.id, Stage.READY)
    told = cloud.told(instance_of(grid))

    assert before["storage"].pop("credentials") != told["storage"].pop("credentials")
    assert before["storage"].pop("quota_bytes") == subscription.payment.quota_bytes
    assert told["storage"].pop("quota_bytes") == 4 * 10**12
    assert told == before


@pytest.mark.parametrize(("quota_bytes", "comes_to"), [(2**20 + 40, Stage.READY), (2**20 + 41, Stage.FAILED)])
async def test_a_full_grid_that_has_no_room_for_a_proof_is_served_again_and_another_one_is_not(
    desk: Desk, cloud: Cloud, subscription: Subscription, quota_bytes: int, comes_to: Stage
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.suspended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
    refused = [sys.executable, "-c", 'print(\'{"ok": false, "code": "put-failed"}\')']
    desk.tools = msgspec.structs.replace(desk.tools, probe=Probe(refused, timedelta(seconds=30), 1))
    async with desk.converging(max_attempts=2):
        await desk.tell(subscription.changed(quota_bytes=quota_bytes))
        await desk.tell(subscription.resumed())
        grid = await desk.rests(ready.id)

    assert grid.stage is comes_to
    assert len(await desk.events(GridResumed, grid.id)) == int(comes_to is Stage.READY)


async def test_a_removed_grid_leaves_nothing_and_every_object_is_counted_once(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.ended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
        assert set(remains(cloud, desk, ready)) >= {"buckets", "addresses"}
        await desk.pass_time(timedelta(days=31))
        await desk.comes_to(ready.id, Stage.ABSENT)

    assert remains(cloud, desk, ready) == {}
    (told,) = await desk.events(GridDeleted, ready.id)
    assert told.objects == len(KEYS)
    assert len(await desk.events(GridSuspended, ready.id)) == 1


async def test_steps_down_that_are_killed_after_acting_remove_and_count_the_same(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    def twice(step: Step) -> Step:
        async def acting(grid: Grid, tools: Tools) -> Outcome:
            await step(grid, tools)
            return await step(grid, tools)

        return acting

    async with desk.converging({**STEPS, **{stage: twice(STEPS[stage]) for stage in (Stage.STOP, *DOWN)}}):
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.suspended())
        await desk.comes_to(ready.id, Stage.SUSPENDED)
        await desk.tell(subscription.ended(NOW))
        await desk.comes_to(ready.id, Stage.ABSENT)

    assert remains(cloud, desk, ready) == {}
    (told,) = await desk.events(GridDeleted, ready.id)
    assert told.objects == len(KEYS)


@pytest.mark.parametrize(
    "stage",
    [
        Stage.BOOT,
        Stage.NODE,
        *(
            pytest.param(stage, marks=pytest.mark.long)
            for stage in (Stage.BUCKET, Stage.CREDENTIALS, Stage.HOST, Stage.DNS, Stage.PROOF)
        ),
    ],
)
async def test_what_a_step_up_made_and_nobody_wrote_down_is_removed_too(
    desk: Desk, cloud: Cloud, subscription: Subscription, stage: Stage
) -> None:
    async def end() -> None:
        await desk.tell(subscription.ended(NOW, "not-provided"))

    second = 2 if stage in {Stage.HOST, Stage.DNS} else 1  # the first call of these keeps what the second one does
    async with desk.converging({**STEPS, stage: after(STEPS[stage], end, second)}):
        grid_id = await desk.pay(subscription.payment)
        await gone(desk, grid_id)
        grid = await desk.grid(grid_id)

    assert remains(cloud, desk, grid) == {}
    assert await desk.events(InstanceReady, grid_id) == await desk.events(FurlIssued, grid_id) == []
    (told,) = await desk.events(GridDeleted, grid_id)
    assert told.objects == 0


async def gone(desk: Desk, grid_id: GridId) -> None:
    """Nothing is left; where a machine may have been asked for in vain, that takes a while."""
    waits = "select stage = 'absent' or stage = 'release' and lease_token is null from grids where id = $1"
    await until(lambda: desk.pool.fetchval(waits, grid_id), within=30, what="the grid is gone, or waits for that")
    await desk.pass_time(timedelta(minutes=1))
    await desk.comes_to(grid_id, Stage.ABSENT)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "action"),
    [
        ("throttle", "DescribeInstances"),
        ("cut", "TerminateInstances"),
        ("throttle", "ListResourceRecordSets"),
        ("cut", "ChangeResourceRecordSets"),
        ("cut", "PutBucketPolicy"),
        ("throttle", "ListObjectVersions"),
        ("throttle", "DeleteObjects"),
        ("cut", "DeleteObjects"),
        ("throttle", "ListMultipartUploads"),
        ("cut", "AbortMultipartUpload"),
    ],
)
async def test_trouble_on_the_way_down_costs_no_more_than_time(
    desk: Desk, cloud: Cloud, subscription: Subscription, action: str, fault: str
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        await asyncio.to_thread(cloud.break_next, fault, action=action, times=1)
        await desk.tell(subscription.ended(NOW))
        await desk.comes_to(ready.id, Stage.ABSENT, within=60)

    assert cloud.faults_left() == 0
    assert remains(cloud, desk, ready) == {}
    (told,) = await desk.events(GridDeleted, ready.id)
    assert told.objects == len(KEYS)


async def test_a_dispute_in_the_middle_of_a_bucket_keeps_what_is_left_of_it(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async def dispute() -> None:
        await desk.tell(subscription.disputed())

    async with desk.converging({**STEPS, Stage.EMPTY: after(STEPS[Stage.EMPTY], dispute, on_call=2)}):
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.ended(NOW))
        assert (await desk.rests(ready.id)).stage is Stage.EMPTY
        left = cloud.client("s3").list_objects_v2(Bucket=ready.bucket)["Contents"]
        assert [each["Key"] for each in left] == KEYS[PAGE:]
        await desk.tell(subscription.cleared())
        await gone(desk, ready.id)

    (told,) = await desk.events(GridDeleted, ready.id)
    assert told.objects == len(KEYS)


@pytest.mark.long
@pytest.mark.parametrize("stage", DOWN)
async def test_a_grid_that_is_paid_for_while_it_is_removed_is_made_again_as_itself(
    desk: Desk, cloud: Cloud, subscription: Subscription, stage: Stage
) -> None:
    async def resume() -> None:
        await desk.tell(subscription.resumed())

    async with desk.converging({**STEPS, stage: after(STEPS[stage], resume)}):
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.ended(NOW))
        await desk.rests(ready.id)
        grid = await desk.comes_to(ready.id, Stage.READY, within=60)

    assert set(remains(cloud, desk, grid)) == ALL_KINDS
    (living,) = cloud.instances(desk.settings.deployment)
    assert cloud.address_of(grid.dns_name) == [living["PublicIpAddress"]]
    assert furl_of(grid, desk.tools.seal, hint=False).reveal() == furl_of(ready, desk.tools.seal, hint=False).reveal()
    assert await desk.events(GridDeleted, grid.id) == []


async def test_no_secret_of_a_removed_grid_is_left_in_the_database(
    desk: Desk, cloud: Cloud, subscription: Subscription
) -> None:
    async with desk.converging():
        ready = await a_used_grid(desk, subscription, cloud)
        await desk.tell(subscription.ended(NOW))
        await desk.comes_to(ready.id, Stage.ABSENT)

    sealed = await desk.pool.fetchval(
        "select (select count(*) from grids where sealed_identity is not null)"
        " + (select count(*) from hosts where sealed_host_key is not null or host_key is not null)"
    )
    assert sealed == 0

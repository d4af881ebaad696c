"""The real steps against the local cloud, whose machines let us in and run nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from s4_contracts.provisioner import FurlIssued, InstanceReady, ProvisioningFailed, ProvisioningProgressed
from s4_provisioner import moves
from s4_provisioner.capability import furl_of, identity_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Done, Outcome
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools
from support.grid_cloud import Cloud
from support.provisioner import Desk, a_desk, a_payment
from support.waiting import until


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    async with a_desk(database, cloud) as desk:
        yield desk
    cloud.mend()


def acted_twice(steps: Mapping[Stage, Step]) -> dict[Stage, Step]:
    """Each step acts, is killed before its result is kept, and acts again."""

    def twice(step: Step) -> Step:
        async def acting(grid: Grid, tools: Tools) -> Outcome:
            await step(grid, tools)
            return await step(grid, tools)

        return acting

    return {stage: twice(step) for stage, step in steps.items()}


def made_once(cloud: Cloud, desk: Desk, grids: int) -> None:
    """One of each thing for each grid, one role and one group for all, and nothing else."""
    deployment = desk.settings.deployment
    assert len(cloud.instances(deployment)) == grids
    assert len(cloud.instances(deployment, "shutting-down", "terminated", "stopped")) == 0
    assert len(cloud.buckets(deployment)) == grids
    assert len(cloud.roles(deployment)) == 1
    assert len(cloud.groups(deployment)) == 1


@pytest.mark.long
async def test_twenty_payments_at_once_become_twenty_grids_with_one_of_each_thing(desk: Desk, cloud: Cloud) -> None:
    async with desk.converging():
        grids = await asyncio.gather(*(desk.pay() for _ in range(20)))
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY, within=120)

    for grid_id in grids:
        assert len(await desk.events(InstanceReady, grid_id)) == 1
        assert len(await desk.events(FurlIssued, grid_id)) == 1
    made_once(cloud, desk, 20)
    furls = {furl_of(await desk.grid(each), desk.tools.seal, hint=True).reveal() for each in grids}
    assert len(furls) == 20


async def test_steps_that_are_killed_after_acting_make_nothing_twice(desk: Desk, cloud: Cloud) -> None:
    async with desk.converging(acted_twice(STEPS)):
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    made_once(cloud, desk, 1)
    assert cloud.address_of(grid.dns_name) == [str(grid.host and grid.host.address)]


async def test_the_host_is_told_the_identity_that_the_furl_is_made_of(desk: Desk, cloud: Cloud) -> None:
    async with desk.converging():
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    assert grid.host
    told = cloud.told(grid.host.instance_id or "")
    identity = identity_of(grid, desk.tools.seal)
    furl = furl_of(grid, desk.tools.seal, hint=True).reveal()
    assert told["grid_id"] == grid_id
    assert told["storage"]["introducer_furl"] == furl
    assert told["introducer"]["files"]["private/node.pem"] == identity.introducer.pem
    assert told["storage"]["s3"] == {
        "bucket": cloud.buckets(desk.settings.deployment)[0],
        "prefix": "",
        "region": desk.settings.aws_region,
        "endpoint": cloud.endpoint,
    }
    assert told["storage"]["quota_bytes"] == 10**12
    assert furl.startswith(
        f"pb://{identity.introducer.tub_id}@tcp:{grid.dns_name}:{grid.port},tcp:{grid.host.address}:{grid.port}/"
    )
    assert (told["introducer"]["port"], told["storage"]["port"]) == (grid.port, grid.port + 1)
    assert told["shard"] is None


async def test_a_payment_that_names_no_quota_is_a_grid_without_one(desk: Desk, cloud: Cloud) -> None:
    async with desk.converging():
        grid = await desk.comes_to(await desk.pay(a_payment(quota_bytes=None)), Stage.READY, within=60)

    assert grid.host
    assert cloud.told(grid.host.instance_id or "")["storage"]["quota_bytes"] is None


async def test_a_ready_grid_that_is_applied_again_is_the_same_grid_and_nobody_is_told_anew(
    desk: Desk, cloud: Cloud
) -> None:
    async with desk.converging():
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)
        assert grid.host
        before = cloud.told(grid.host.instance_id or "")
        cloud.forget(grid.host.instance_id or "")
        cloud.client("s3").delete_bucket_lifecycle(Bucket=grid.bucket)
        assert await moves.again(desk.pool, grid_id, Stage.READY, desk.tools.clock) is Stage.BUCKET
        after = await desk.comes_to(grid_id, Stage.READY, within=60)

    assert after.host
    assert after.host.id == grid.host.id
    again = cloud.told(grid.host.instance_id or "")
    assert again["storage"].pop("credentials") != before["storage"].pop("credentials")
    assert again == before
    assert cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=grid.bucket)["Rules"]
    made_once(cloud, desk, 1)
    assert len(await desk.events(InstanceReady, grid_id)) == len(await desk.events(FurlIssued, grid_id)) == 1
    assert [step for step, _ in await desk.steps(grid_id)][8:] == [
        *("bucket", "credentials", "host", "boot", "node", "dns", "proof")
    ]


async def test_a_ready_grid_whose_machine_vanished_gets_another_when_it_is_applied_again(
    desk: Desk, cloud: Cloud
) -> None:
    async with desk.converging():
        grid_id = await desk.pay()
        lost = (await desk.comes_to(grid_id, Stage.READY, within=60)).host
        assert lost
        await asyncio.to_thread(cloud.break_next, "lost", instance_id=lost.instance_id, shows="terminated")
        await moves.again(desk.pool, grid_id, Stage.READY, desk.tools.clock)
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    (living,) = cloud.instances(desk.settings.deployment)
    assert grid.host
    assert (grid.host.id != lost.id, grid.host.instance_id) == (True, living["InstanceId"])
    assert cloud.address_of(grid.dns_name) == [living["PublicIpAddress"]]
    assert len(await desk.events(FurlIssued, grid_id)) == 1


async def test_a_machine_lost_while_it_is_prepared_is_replaced_and_leaves_nothing(desk: Desk, cloud: Cloud) -> None:
    lost: list[str] = []

    async def struck(grid: Grid, tools: Tools) -> Outcome:
        if not lost and grid.host:
            lost.append(grid.host.instance_id or "")
            await asyncio.to_thread(cloud.break_next, "lost", instance_id=lost[0], shows="terminated")
        return await STEPS[Stage.NODE](grid, tools)

    async with desk.converging({**STEPS, Stage.NODE: struck}):
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    (living,) = cloud.instances(desk.settings.deployment)
    assert grid.host
    assert grid.host.instance_id == living["InstanceId"] != lost[0]
    assert cloud.address_of(grid.dns_name) == [living["PublicIpAddress"]]
    assert len(await desk.events(InstanceReady, grid_id)) == 1


async def test_the_next_machine_of_a_grid_is_the_same_node_with_a_higher_announcement(desk: Desk, cloud: Cloud) -> None:
    told: list[dict[str, dict[str, dict[str, str]]]] = []

    async def noted_then_struck(grid: Grid, tools: Tools) -> Outcome:
        outcome = await STEPS[Stage.NODE](grid, tools)
        if not isinstance(outcome, Done):
            return outcome
        instance_id = (grid.host and grid.host.instance_id) or ""
        told.append(await asyncio.to_thread(cloud.told, instance_id))
        if len(told) == 1:
            await asyncio.to_thread(cloud.break_next, "lost", instance_id=instance_id, shows="terminated")
            return await STEPS[Stage.NODE](grid, tools)
        return outcome

    async with desk.converging({**STEPS, Stage.NODE: noted_then_struck}):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY, within=60)

    first, second = (each["storage"]["files"] for each in told)
    assert first["private/node.pem"] == second["private/node.pem"]
    assert first["private/node.privkey"] == second["private/node.privkey"]
    assert first["private/storage.furl"].rpartition("/")[2] == second["private/storage.furl"].rpartition("/")[2]
    assert int(first["announcement-seqnum"]) < int(second["announcement-seqnum"])


async def test_a_boot_that_fails_is_followed_by_another_machine(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("failed-boot")
    async with desk.converging():
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    assert grid.host
    # Who notices first, the grid's step or the host's own converger, is chance.
    assert {("boot", "machine-gone"), ("boot", "turned")} & set(await desk.steps(grid_id))
    assert len(cloud.instances(desk.settings.deployment)) == 1


async def test_a_machine_that_does_not_boot_in_time_is_ended_and_followed_by_another(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("slow-boot", seconds=60)
    async with desk.converging(boot_limit=timedelta(seconds=2), patience=timedelta(seconds=1)):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY, within=60)

    # Who notices first, the grid's step or the host's own converger, is chance.
    assert {("boot", "machine-did-not-boot"), ("boot", "turned")} & set(await desk.steps(grid_id))
    assert len(cloud.instances(desk.settings.deployment)) == 1


async def test_no_capacity_is_waited_out_for_minutes_not_hammered(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("capacity", times=9)  # the client asks more than once before it tells us
    async with desk.converging():
        grid_id = await desk.pay()
        wait = await until(
            lambda: desk.pool.fetchval(
                "select due_at - now() from hosts where stage = 'launch' and lease_token is null and attempts = 1"
            ),
            within=30,
            what="the launch is put off",
        )

    assert timedelta(minutes=1) < wait <= timedelta(minutes=2)
    (retrying,) = [each for each in await desk.events(ProvisioningProgressed, grid_id) if each.state == "retrying"]
    assert retrying.step == "boot"
    assert cloud.instances(desk.settings.deployment) == []


async def test_a_reached_quota_waits_for_a_person(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("error", action="RunInstances", code="VcpuLimitExceeded")
    async with desk.converging():
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=30, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code, failed.final) == ("boot", "aws-quota-reached", True)


@pytest.mark.parametrize(
    "action",
    [
        "RunInstances",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("CreateRole", "DescribeInstances", "AssumeRole")),
        pytest.param("ChangeResourceRecordSets", marks=pytest.mark.long),
    ],
)
async def test_throttling_costs_no_more_than_time(desk: Desk, cloud: Cloud, action: str) -> None:
    cloud.break_next("throttle", action=action, times=2)
    async with desk.converging():
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY, within=60)

    assert cloud.faults_left() == 0
    made_once(cloud, desk, 1)


async def test_an_answer_that_is_cut_off_does_not_start_a_second_machine(desk: Desk, cloud: Cloud) -> None:
    cloud.break_next("cut", action="RunInstances")
    async with desk.converging():
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY, within=60)

    assert cloud.faults_left() == 0
    made_once(cloud, desk, 1)


async def test_no_secret_is_in_the_clear_in_the_database_the_logs_or_the_tags(
    desk: Desk, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk.converging():
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)

    identity = identity_of(grid, desk.tools.seal)
    secrets = [identity.introducer.swissnum, identity.storage.swissnum, identity.announcement_key, "PRIVATE KEY"]
    rows = await desk.pool.fetch(
        "select row_to_json(grids)::text from grids union all select row_to_json(hosts)::text from hosts"
        " union all select row_to_json(steps)::text from steps union all select row_to_json(outbox)::text from outbox"
    )
    stored = " ".join(row[0] for row in rows)
    (instance,) = cloud.instances(desk.settings.deployment)
    seen = {"database": stored, "log": capsys.readouterr().out, "tags": json.dumps(instance["Tags"])}
    found = [(place, secret[:4]) for place, text in seen.items() for secret in secrets if secret in text]
    assert found == []


async def test_steps_of_a_grid_that_lacks_what_came_before_are_our_mistake_and_say_so(desk: Desk) -> None:
    async with desk.converging({**STEPS, Stage.IDENTITY: _forgets}):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=30, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code) == ("node", "grid-incomplete")


async def _forgets(_grid: Grid, _tools: Tools) -> Outcome:
    return Done()

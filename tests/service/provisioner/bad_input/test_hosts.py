"""Machines that are not as they should be: what the real steps do, and what an operator sees."""

from collections.abc import AsyncIterator

import pytest

from s4_contracts.provisioner import InstanceLost, InstanceReady, ProvisioningFailed
from s4_provisioner.lifecycle import Stage
from support.bad_input import Trouble, a_trouble, shown, unwell
from support.fleets import a_fleet
from support.grid_cloud import Cloud
from support.provisioner import a_payment

STAGES = ["tcp", "version", "login", "command"]
_FULL = pytest.param({"disk_full": True}, "disk-nearly-full", marks=pytest.mark.long)
UNFIT = pytest.mark.parametrize(("behaviour", "code"), [({"clock_skew_seconds": 900}, "clock-off"), _FULL])


@pytest.fixture
async def shared(database: str, crowd: Cloud) -> AsyncIterator[Trouble]:
    """A deployment in which grids share machines."""
    fleet = a_fleet("together", together={"isolation": "shard", "capacity": 5, "grids_per_shard": 2, "max_age": None})
    async with a_trouble(database, crowd, fleet=fleet) as trouble:
        yield trouble


@UNFIT
async def test_a_machine_that_is_unfit_from_its_first_moment_gets_no_grid_and_goes(
    trouble: Trouble, behaviour: dict[str, object], code: str
) -> None:
    before = shown("provisioner_host_trouble_total", pool="alone", step="prepare", code=code)
    trouble.boots_badly(**behaviour)

    grid_id, host = await trouble.ready()

    assert trouble.living() == [host.instance_id]
    assert trouble.ended() == 1
    assert shown("provisioner_host_trouble_total", pool="alone", step="prepare", code=code) == before + 1
    assert await trouble.desk.events(ProvisioningFailed, grid_id) == []


async def test_a_machine_that_boots_with_another_key_is_told_nothing_and_another_serves(trouble: Trouble) -> None:
    labels = {"pool": "alone", "step": "boot", "code": "strange-host-key"}
    before = shown("provisioner_host_trouble_total", **labels)
    trouble.boots_badly(strange_key=True)

    _, host = await trouble.ready()

    assert shown("provisioner_host_trouble_total", **labels) > before
    assert trouble.living() == [host.instance_id]


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_machines_that_hang_at_any_stage_of_ssh_while_they_boot_are_replaced(trouble: Trouble) -> None:
    for stage in STAGES:
        trouble.boots_badly(stage=stage)
    desk = trouble.desk

    async with desk.converging():
        grids = [await desk.pay() for _ in STAGES]
        hosts = [(await desk.comes_to(each, Stage.READY, within=120)).host for each in grids]

    assert trouble.living() == sorted(str(host and host.instance_id) for host in hosts)
    assert trouble.ended() == len(STAGES)
    assert [len(await desk.events(InstanceReady, each)) for each in grids] == [1] * len(STAGES)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_served_machines_that_hang_at_any_stage_of_ssh_are_lost_and_ended_before_others_serve(
    trouble: Trouble,
) -> None:
    desk = trouble.desk
    ready = [await trouble.ready() for _ in STAGES]
    for (_, host), stage in zip(ready, STAGES, strict=True):
        trouble.behaves(host, stage=stage)

    await trouble.look()
    assert [await desk.events(InstanceLost, grid_id) for grid_id, _ in ready] == [[]] * len(STAGES)
    await trouble.look()

    for grid_id, host in ready:
        (lost,) = await desk.events(InstanceLost, grid_id)
        assert (lost.code, lost.host_id) == ("unreachable", host.id)
        again = await trouble.comes_back(grid_id)
        assert again.host
        assert host.instance_id not in trouble.living()
        assert trouble.cloud.address_of(again.dns_name) == [str(again.host.address)]


async def test_a_host_whose_key_changed_alarms_and_is_trusted_again_with_its_own(trouble: Trouble) -> None:
    grid_id, host = await trouble.ready()
    trouble.behaves(host, strange_key=True)

    for _ in range(3):
        await trouble.look()

    assert unwell("strange-host-key") == 1
    (listed,) = (await trouble.seen("hosts", "list"))["hosts"]
    assert listed["alarm"] == "strange-host-key"
    assert await trouble.desk.events(InstanceLost, grid_id) == []
    trouble.behaves(host)
    await trouble.look()
    assert unwell("strange-host-key") == 0


@UNFIT
async def test_a_host_that_becomes_unfit_keeps_its_grid_and_gets_others_when_it_is_well(
    shared: Trouble, behaviour: dict[str, object], code: str
) -> None:
    steady, host = await shared.ready()
    shared.behaves(host, **behaviour)
    await shared.look()

    assert unwell(code) == 1
    _, elsewhere = await shared.ready()
    assert elsewhere.id != host.id
    assert (await shared.desk.grid(steady)).stage is Stage.READY
    assert await shared.desk.events(InstanceLost, steady) == []
    shared.behaves(host)
    await shared.look()
    assert unwell(code) == 0


async def test_a_grid_that_finds_its_hosts_disk_full_goes_to_another_and_nobody_else_notices(shared: Trouble) -> None:
    steady, host = await shared.ready()
    shared.behaves(host, disk_full=True)

    async with shared.desk.converging():
        late = await shared.desk.pay(a_payment())
        served = await shared.desk.comes_to(late, Stage.READY, within=60)

    assert served.host
    assert served.host.id != host.id
    assert ("node", "disk-nearly-full") in await shared.desk.steps(late)
    kept = await shared.desk.grid(steady)
    assert kept.host
    assert (kept.stage, kept.host.id, kept.host.is_lost) == (Stage.READY, host.id, False)
    listed = {each["id"]: each["alarm"] for each in (await shared.seen("hosts", "list"))["hosts"]}
    assert listed[host.id] == "disk-nearly-full"


async def test_a_grid_is_not_told_to_a_host_with_another_key_and_a_person_decides(shared: Trouble) -> None:
    steady, host = await shared.ready()
    shared.behaves(host, strange_key=True)
    late = await shared.desk.pay(a_payment())

    failed = await shared.fails(late)

    assert (failed.step, failed.code) == ("node", "strange-host-key")
    assert (await shared.desk.grid(steady)).stage is Stage.READY
    shared.behaves(host)
    served = await shared.recovers(late)
    assert served.host
    assert served.host.id == host.id

"""Hosts that go bad, in the memory of a driver; database, leases and convergers are real."""

import asyncio
from datetime import timedelta

import pytest

from s4_contracts.provisioner import InstanceLost, InstanceRecovered
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.health.metrics import HOSTS_UNWELL
from s4_provisioner.health.watch import Watch
from s4_runtime import Temporary
from support.grid_cloud import REGION
from support.ward import Ward, a_ward, killed

MINUTE = timedelta(minutes=1)


async def test_the_grids_of_a_host_that_is_gone_are_served_elsewhere_and_that_is_told_once(ward: Ward) -> None:
    gone, grids = await ward.host(grids=3)
    await ward.host()
    ward.machine(gone).state = "gone"

    async with ward.converging():
        await ward.look()
        for grid_id in grids:
            await ward.recovers(grid_id, gone)
        await ward.look()

    for grid_id in grids:
        (lost,) = await ward.told(InstanceLost, grid_id)
        (recovered,) = await ward.told(InstanceRecovered, grid_id)
        assert (lost.host_id, lost.code) == (gone, "machine-gone")
        assert recovered.host_id == await ward.host_of(grid_id)
        assert recovered.seconds >= 0
    assert await ward.lost() == 1


async def test_a_host_that_is_told_to_end_is_lost_at_once(ward: Ward) -> None:
    ending, (grid,) = await ward.host()
    ward.machine(ending).state = "ending"

    await ward.look()

    (lost,) = await ward.told(InstanceLost, grid)
    assert lost.code == "machine-ending"


async def test_a_fine_host_is_looked_at_and_left_alone(ward: Ward) -> None:
    host, (grid,) = await ward.host()

    await ward.look()
    await ward.look(MINUTE)

    assert await ward.lost() == 0
    assert await ward.host_of(grid) == host
    assert await ward.of_host(host, "bad_since") is None


async def test_the_platform_is_asked_for_all_hosts_in_one_call_and_seldom(ward: Ward) -> None:
    await ward.fleet(20, grids=0)

    await ward.look()
    await ward.look()
    await ward.look(MINUTE / 2)

    assert ward.hosts.asked == [(20, True)]


async def test_a_silent_host_is_lost_after_some_minutes_and_fenced(ward: Ward) -> None:
    silent, (grid,) = await ward.host()
    machine = ward.machine(silent)
    machine.is_silent = True

    await ward.look()
    await ward.look(MINUTE)
    assert await ward.lost() == 0
    async with ward.converging():
        await ward.look(2 * MINUTE)
        await ward.recovers(grid, silent)

    (lost,) = await ward.told(InstanceLost, grid)
    assert lost.code == "unreachable"
    assert machine.state == "gone", "who cannot be asked to stop is ended before another one serves"


async def test_a_host_that_answers_again_was_never_lost(ward: Ward) -> None:
    silent, _ = await ward.host()
    ward.machine(silent).is_silent = True
    await ward.look()
    ward.machine(silent).is_silent = False

    await ward.look(2 * MINUTE)
    await ward.look(2 * MINUTE)

    assert await ward.lost() == 0
    assert await ward.of_host(silent, "silent_since") is None


async def test_one_look_alone_never_loses_a_silent_host(ward: Ward) -> None:
    """A replica that was away for an hour knows nothing of that hour."""
    silent, _ = await ward.host()
    ward.machine(silent).is_silent = True

    await ward.look(timedelta(hours=1))

    assert await ward.lost() == 0


async def test_a_silent_host_is_not_lost_while_the_platform_is_silent_too(ward: Ward) -> None:
    silent, _ = await ward.host()
    ward.machine(silent).is_silent = True
    ward.hosts.fail("look", *(Temporary("aws-unreachable") for _ in range(3)))

    for _ in range(3):
        await ward.look(5 * MINUTE)
    assert await ward.lost() == 0
    await ward.look(MINUTE)
    assert await ward.lost() == 1


async def test_an_impaired_host_is_lost_after_some_minutes(ward: Ward) -> None:
    ill, (grid,) = await ward.host()
    ward.machine(ill).is_impaired = True

    await ward.look()
    await ward.look(2 * MINUTE)
    assert await ward.lost() == 0
    await ward.look(4 * MINUTE)

    (lost,) = await ward.told(InstanceLost, grid)
    assert lost.code == "impaired"


async def test_nothing_is_sent_to_a_host_whose_key_changed_and_a_person_is_told(ward: Ward) -> None:
    strange, (grid,) = await ward.host()
    machine = ward.machine(strange)
    machine.is_strange = True

    await ward.look()
    await ward.look(timedelta(hours=1))

    assert await ward.of_host(strange, "alarm") == "strange-host-key"
    assert HOSTS_UNWELL.labels(REGION, "strange-host-key")._value.get() == 1
    assert await ward.lost() == 0
    assert await ward.host_of(grid) == strange
    assert not machine.payloads

    machine.is_strange = False
    await ward.look(MINUTE)
    assert await ward.of_host(strange, "alarm") is None


async def test_a_host_whose_key_changed_is_lost_when_the_platform_has_no_such_machine(ward: Ward) -> None:
    strange, (grid,) = await ward.host()
    ward.machine(strange).is_strange = True
    await ward.look()
    ward.machine(strange).is_unknown = True

    await ward.look(MINUTE)

    (lost,) = await ward.told(InstanceLost, grid)
    assert lost.code == "machine-not-ours"


async def test_a_host_that_the_platform_forgot_but_that_proves_itself_is_kept(ward: Ward) -> None:
    host, _ = await ward.host()
    ward.machine(host).is_unknown = True

    for _ in range(4):
        await ward.look(5 * MINUTE)

    assert await ward.lost() == 0


@pytest.mark.parametrize(("clock", "disk", "code"), [(900.0, 10_000, "clock-off"), (0.0, 10, "disk-nearly-full")])
async def test_an_ailing_host_keeps_its_grids_and_gets_no_more(
    database: str, clock: float, disk: int, code: str
) -> None:
    shared = '{"pools": {"dedicated": {"isolation": "shard", "capacity": 50}}, "otherwise": "dedicated"}'
    async with a_ward(database, fleet=shared) as ward, ward.converging():
        ailing, (grid,) = await ward.host()
        await ward.pool.execute("update hosts set is_full = false, capacity = 50")
        first = await ward.desk.rests(await ward.desk.pay())
        ward.machine(ailing).clock_is_off_by, ward.machine(ailing).disk_free_mib = clock, disk

        await ward.look(timedelta(hours=1))
        second = await ward.desk.rests(await ward.desk.pay())

        assert await ward.of_host(ailing, "alarm") == code
        assert await ward.host_of(grid) == ailing
        assert await ward.host_of(first.id) == ailing
        assert await ward.host_of(second.id) not in {ailing, None}


async def test_a_host_that_will_be_taken_away_is_emptied_before(ward: Ward) -> None:
    retiring, (grid,) = await ward.host()
    ward.machine(retiring).retires_at = ward.tools.clock.now() + timedelta(days=14)

    async with ward.converging():
        await ward.look()
        await Retire(ward.pool, ward.tools).round()
        await ward.recovers(grid, retiring)

    assert await ward.of_host(retiring, "wanted") in {"drained", "absent"}
    assert await ward.told(InstanceLost, grid) == [], "it was served all the time"


@pytest.mark.parametrize("after", [1, 3, 6, 10, 20, 40, 80, 160])
async def test_a_watch_that_is_killed_anywhere_loses_at_most_one_look(ward: Ward, after: int) -> None:
    gone, (grid,) = await ward.host()
    ward.machine(gone).state = "gone"

    await killed(ward.watch.round, after)
    await ward.look(MINUTE)

    assert await ward.lost() == 1
    assert len(await ward.told(InstanceLost, grid)) == 1


async def test_two_watches_at_once_lose_a_host_once(ward: Ward) -> None:
    hosts = await ward.fleet(3)
    for host_id, _ in hosts:
        ward.machine(host_id).state = "gone"
    other = Watch(ward.pool, ward.tools)

    await asyncio.gather(ward.watch.round(), other.round(), ward.watch.round(), other.round())

    for _, (grid,) in hosts:
        assert len(await ward.told(InstanceLost, grid)) == 1

"""A release comes to the grids of a pool: real PostgreSQL, the command as a process, hosts that are a dictionary."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from s4_contracts.ids import GridId
from s4_provisioner.lifecycle import Stage
from s4_provisioner.rollout.loop import Rollouts
from s4_runtime import Permanent
from support.memory_hosts import MemoryHosts
from support.operator_cli import Terminal
from support.provisioner import Desk, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription
from support.waiting import until

WHY = ("--note", "a test asks", "--pool", "alone")


async def some_grids(desk: Desk, number: int) -> list[GridId]:
    grids = [await desk.pay() for _ in range(number)]
    for grid_id in grids:
        await desk.comes_to(grid_id, Stage.READY)
    return grids


async def start(terminal: Terminal, release: str = "s4-node-2", *more: str) -> None:
    shown = await terminal.json("rollout", "start", release, *WHY, *more)
    await terminal.json("rollout", "start", release, *WHY, *more, "--confirm", shown["confirm"])


async def state(terminal: Terminal) -> dict[str, object]:
    found: dict[str, object] = (await terminal.json("rollout", "show"))["rollouts"][0]
    return found


async def releases(desk: Desk) -> list[str]:
    sql = "select h.release from grids g join hosts h on h.id = g.host_id order by 1"
    return [row["release"] for row in await desk.pool.fetch(sql)]


async def roll_until(desk: Desk, wanted: str) -> None:
    async def after_a_round() -> bool:
        await desk.pool.execute("update rollouts set due_at = now() - interval '1 second' where ended_at is null")
        await Rollouts(desk.pool, desk.tools).round()
        return bool(await desk.pool.fetchval("select true from rollouts where state = $1", wanted))

    await until(after_a_round, within=60, what=f"the rollout is {wanted}")


async def settled(predicate: Callable[[], Awaitable[object]], what: str) -> None:
    await until(predicate, within=30, what=what)


async def test_all_grids_come_to_the_release_and_new_ones_have_it(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 4)
        await start(terminal, "s4-node-2", "--batch", "2")
        await roll_until(desk, "done")
        assert await releases(desk) == ["s4-node-2"] * 4
        rounds = await desk.pool.fetch("select count(*) from rollout_grids group by round order by round")
        assert [row["count"] for row in rounds] == [1, 2, 1]
        await some_grids(desk, 1)
        assert await releases(desk) == ["s4-node-2"] * 5
        assert not await desk.pool.fetchval("select count(*) from grids where release_wanted is not null")


async def test_nothing_begins_before_a_person_has_seen_what_would(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 1)
    shown = await terminal.json("rollout", "start", "s4-node-2", *WHY)
    assert shown["would"]["former"] == "s4-node-*"
    assert shown["would"]["grids"] == 1
    assert (await terminal.json("rollout", "show"))["rollouts"] == []
    other = await terminal.refused("rollout", "start", "s4-node-3", *WHY, "--confirm", shown["confirm"])
    assert "changed-meanwhile" in other


async def test_a_grid_that_is_not_proved_pauses_it_and_goes_back_by_itself(desk: Desk, terminal: Terminal) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grids = await some_grids(desk, 3)
        script.then(Stage.PROOF, Permanent("not-stored"))
        await start(terminal)
        await roll_until(desk, "paused")
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY)
        await settled(lambda: is_all(desk, "s4-node-*"), "the grid is back")
    told = await terminal.json("rollout", "show")
    assert (told["rollouts"][0]["failed"], told["rollouts"][0]["to_go"]) == (1, 3)
    assert [each["code"] for each in told["failed"]] == ["not-stored"]
    _, out, _ = await terminal.type("rollout", "show")
    assert "not proved:" in out


async def test_a_release_that_there_is_not_pauses_it_and_costs_no_grid(desk: Desk, terminal: Terminal) -> None:
    (machines,) = desk.tools.drivers.values()
    assert isinstance(machines, MemoryHosts)
    async with desk.converging(scripted()):
        (grid_id,) = await some_grids(desk, 1)
        machines.fail("plan", Permanent("no-machine-image"))
        await start(terminal, "s4-node-of-nobody")
        await roll_until(desk, "paused")
        await desk.comes_to(grid_id, Stage.READY)
    assert await releases(desk) == ["s4-node-*"]
    assert [each["code"] for each in (await terminal.json("rollout", "show"))["failed"]] == ["no-machine-image"]


async def test_after_a_pause_it_goes_on_and_tries_again(desk: Desk, terminal: Terminal) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grids = await some_grids(desk, 2)
        script.then(Stage.PROOF, Permanent("not-stored"))
        await start(terminal)
        await roll_until(desk, "paused")
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY)
        await terminal.json("rollout", "resume", *WHY)
        await roll_until(desk, "done")
        assert await releases(desk) == ["s4-node-2"] * 2


async def test_one_command_brings_all_back_to_the_hosts_that_they_had(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        grids = await some_grids(desk, 3)
        before = {grid_id: (await desk.grid(grid_id)).host for grid_id in grids}
        await start(terminal, "s4-node-2", "--canary", "2")
        await rolled(desk, terminal, 2)
        await terminal.json("rollout", "back", *WHY)
        await roll_until(desk, "undone")
        assert await releases(desk) == ["s4-node-*"] * 3
        after = {grid_id: (await desk.grid(grid_id)).host for grid_id in grids}
        assert {g: h and h.id for g, h in before.items()} == {g: h and h.id for g, h in after.items()}
    assert "no-rollout-under-way" in await terminal.refused("rollout", "back", *WHY)


async def rolled(desk: Desk, terminal: Terminal, number: int) -> None:
    """So many are proved, and none begins after them."""

    async def are_ready() -> bool:
        return not await desk.pool.fetchval("select count(*) from grids where stage <> 'ready'")

    await Rollouts(desk.pool, desk.tools).round()
    await settled(are_ready, "the first grids are ready")
    await terminal.json("rollout", "pause", *WHY)
    await Rollouts(desk.pool, desk.tools).round()
    assert await desk.pool.fetchval("select count(*) from rollout_grids where state = 'proved'") == number
    await settled(lambda: nothing_leaves(desk), "the former hosts are tidy")


async def nothing_leaves(desk: Desk) -> bool:
    return not await desk.pool.fetchval("select count(*) from departures")


async def is_all(desk: Desk, release: str) -> bool:
    return set(await releases(desk)) == {release}


async def test_hosts_of_the_former_release_stay_until_it_is_done_and_then_go(desk: Desk, terminal: Terminal) -> None:
    kept = "select count(*) from hosts where release = 's4-node-*' and wanted = 'open'"
    async with desk.converging(scripted()):
        await some_grids(desk, 2)
        await start(terminal)
        await rolled(desk, terminal, 1)
        assert await desk.pool.fetchval(kept) == 2
        await terminal.json("rollout", "resume", *WHY)
        await roll_until(desk, "done")

        async def are_gone() -> bool:
            return not await desk.pool.fetchval(kept)

        await settled(are_gone, "the former hosts go")


async def test_a_grid_that_is_suspended_meanwhile_does_not_hold_it_up(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        one, _ = await some_grids(desk, 2)
        await start(terminal, "s4-node-2", "--canary", "2")
        await terminal.json("grids", "suspend", one, "--note", "a test asks")
        await roll_until(desk, "done")
        await desk.comes_to(one, Stage.SUSPENDED)


async def test_a_grid_that_goes_to_another_plan_meanwhile_has_that_ones_release(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await start(terminal)
        await Rollouts(desk.pool, desk.tools).round()
        await desk.tell(Subscription(payment).changed("shared"))
        await roll_until(desk, "done")
        grid = await desk.comes_to(grid_id, Stage.READY)
    assert (grid.pool, grid.release_wanted) == ("many", None)
    assert grid.host
    assert (grid.host.pool, grid.host.release) == ("many", "s4-node-*")


async def test_many_loops_move_each_grid_once(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 3)
        await start(terminal, "s4-node-2", "--canary", "3")
        await asyncio.gather(*(Rollouts(desk.pool, desk.tools).round() for _ in range(5)))
        await roll_until(desk, "done")
        assert await desk.pool.fetchval("select count(*) from stays") == 6


async def test_a_loop_that_was_killed_with_its_lease_is_followed_by_another(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 1)
        await start(terminal)
        await desk.pool.execute(
            "update rollouts set lease_token = gen_random_uuid(), lease_until = $1",
            desk.tools.clock.now() + timedelta(seconds=30),
        )
        await Rollouts(desk.pool, desk.tools).round()
        assert not await desk.pool.fetchval("select count(*) from rollout_grids")
        await desk.pass_time(timedelta(minutes=1))
        await roll_until(desk, "done")


async def test_while_a_region_is_ill_nothing_is_rolled_out(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 1)
        region = desk.tools.fleet.pools["alone"].region
        await terminal.json("breaker", "force", region, "open", "--note", "a test asks")
        await start(terminal)
        await Rollouts(desk.pool, desk.tools).round()
        assert not await desk.pool.fetchval("select count(*) from rollout_grids")
        await terminal.json("breaker", "close", region, "--note", "a test asks")
        await roll_until(desk, "done")


async def test_what_cannot_be_rolled_out_is_said(desk: Desk, terminal: Terminal) -> None:
    await start(terminal)
    for words, why in (
        (["start", "s4-node-3", *WHY], "rollout-under-way"),
        (["start", "s4-node-3", "--note", "abc", "--pool", "none"], "no-such-pool"),
        (["resume", *WHY], "rollout-running"),
        (["start", "not a release", *WHY], "malformed"),
    ):
        assert why in await terminal.refused("rollout", *words)
    assert (await terminal.json("rollout", "pause", *WHY))["state"] == "paused"
    assert (await state(terminal))["state"] == "paused"


async def test_a_new_image_in_the_settings_comes_before_what_was_rolled_out(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        await some_grids(desk, 1)
        await start(terminal)
        await roll_until(desk, "done")
    pools = {**desk.tools.fleet.pools}
    pools["alone"] = msgspec.structs.replace(pools["alone"], image="s4-node-9")
    fleet = msgspec.structs.replace(desk.tools.fleet, pools=pools)
    later = Desk(desk.pool, msgspec.structs.replace(desk.tools, fleet=fleet), desk.calendar)
    async with later.converging(scripted()):
        await some_grids(later, 1)
    assert await releases(desk) == ["s4-node-2", "s4-node-9"]

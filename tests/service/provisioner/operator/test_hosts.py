"""What operators see of hosts and do to them, typed at a terminal."""

import json
from pathlib import Path

import msgspec

from s4_contracts.ids import GridId
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.lifecycle import Stage
from support.operator_cli import Terminal
from support.provisioner import Desk
from support.scripted_steps import scripted
from support.waiting import until

WHY = ("--note", "a test asks")
EXAMPLE = Path(__file__).parents[4] / "docs/operations/prices.example.json"


async def placed(desk: Desk) -> tuple[GridId, str]:
    """A ready grid and its host."""
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY)
    assert grid.host
    return grid_id, grid.host.id


async def test_hosts_are_listed_and_shown_with_their_grids(desk: Desk, terminal: Terminal) -> None:
    grid_id, host_id = await placed(desk)
    _, out, _ = await terminal.type("hosts", "list", "--pool", "alone")
    assert all(word in out for word in (host_id, "ready", "open", "1/1", "s4-node 0", "1 in all"))
    _, out, _ = await terminal.type("hosts", "show", host_id)
    assert grid_id in out
    assert "grid-placed" in out
    told = await terminal.json("hosts", "show", host_id)
    assert not {"sealed_host_key", "request"} & told["host"].keys()


async def test_a_drained_host_is_emptied_and_goes(desk: Desk, terminal: Terminal) -> None:
    grid_id, host_id = await placed(desk)
    assert (await terminal.json("hosts", "drain", host_id, *WHY, "--dry-run"))["would"]["grids"] == [grid_id]
    assert (await terminal.json("hosts", "list"))["hosts"][0]["wanted"] == "open"
    await terminal.json("hosts", "drain", host_id, *WHY)
    async with desk.converging(scripted()):
        await Retire(desk.pool, desk.tools).round()
        sql = "select wanted = 'absent' from hosts where id = $1"
        await until(lambda: desk.pool.fetchval(sql, host_id), within=30, what="the host goes")
        await desk.comes_to(grid_id, Stage.READY)


async def test_a_host_with_many_grids_is_drained_by_two_calls(desk: Desk) -> None:
    settings = msgspec.structs.replace(desk.tools.settings, drain_unasked_grids=0)
    careful = Desk(desk.pool, msgspec.structs.replace(desk.tools, settings=settings), desk.calendar)
    _, host_id = await placed(desk)
    async with Terminal.of_provisioner(careful) as terminal:
        shown = await terminal.json("hosts", "drain", host_id, *WHY)
        assert not shown["by_another"]
        assert (await terminal.json("hosts", "show", host_id))["host"]["wanted"] == "open"
        done = await terminal.json("hosts", "drain", host_id, *WHY, "--confirm", shown["confirm"])
        assert done["wanted"] == "drained"


async def test_a_drained_host_may_take_grids_again(desk: Desk, terminal: Terminal) -> None:
    _, host_id = await placed(desk)
    await terminal.json("hosts", "drain", host_id, *WHY)
    assert (await terminal.json("hosts", "undrain", host_id, *WHY))["wanted"] == "open"
    assert (await terminal.json("hosts", "show", host_id))["host"]["reason"] is None


async def test_a_host_with_grids_is_released_by_force_alone_and_they_come_back(desk: Desk, terminal: Terminal) -> None:
    grid_id, host_id = await placed(desk)
    assert "host-has-grids" in await terminal.refused("hosts", "release", host_id, *WHY)
    shown = await terminal.json("hosts", "release", host_id, *WHY, "--force")
    await terminal.json("hosts", "release", host_id, *WHY, "--force", "--confirm", shown["confirm"])
    async with desk.converging(scripted()):
        grid = await desk.comes_to(grid_id, Stage.READY)
    assert grid.host
    assert grid.host.id != host_id
    history = (await terminal.json("grids", "show", grid_id))["history"]
    (lost,) = [each for each in history if each["what"] == "host-lost"]
    assert (lost["host_id"], lost["reason"]) == (host_id, "operator")


async def test_all_nodes_of_a_host_get_new_sessions(desk: Desk, terminal: Terminal) -> None:
    grid_id, host_id = await placed(desk)
    assert (await terminal.json("hosts", "rotate-credentials", host_id, *WHY))["grids"] == 1
    assert await desk.pool.fetchval("select lent_until is null from grids where id = $1", grid_id)


async def test_what_may_still_be_had_and_what_breakers_do_is_shown(desk: Desk, terminal: Terminal) -> None:
    await placed(desk)
    region = desk.tools.fleet.pools["alone"].region
    await desk.pool.execute(
        "insert into quotas_seen (region, vcpus, look_at, seen_at) values ($1, 12, now(), now())", region
    )
    _, out, _ = await terminal.type("hosts", "quota")
    assert "12" in out
    assert "alone" in out
    await terminal.json("breaker", "force", region, "open", *WHY)
    _, out, _ = await terminal.type("breaker", "show")
    assert "open" in out
    await terminal.json("breaker", "close", region, *WHY)
    (row,) = (await terminal.json("breaker", "show"))["breakers"]
    assert (row["state"], row["forced"]) == ("closed", None)


async def test_what_grids_hold_and_cost_is_shown(desk: Desk) -> None:
    settings = msgspec.structs.replace(desk.tools.settings, prices=EXAMPLE)
    priced = Desk(desk.pool, msgspec.structs.replace(desk.tools, settings=settings), desk.calendar)
    grid_id, _ = await placed(desk)
    await desk.pool.execute("update grids set stored_bytes = 10 ^ 12")
    async with Terminal.of_provisioner(priced) as terminal:
        told = await terminal.json("grids", "cost")
        # One t3.small with its address and 16 GB of disk, a terabyte in S3, a zone.
        assert told["total"] == round((0.0208 + 0.005) * 730 + 16 * 0.08 + 23 + 0.5, 4)
        assert told["plans"][0]["plan"] == "personal"
        _, out, _ = await terminal.type("grids", "cost", grid_id)
        assert f"{json.dumps(told['total'])} USD a month in all" in out
        _, out, _ = await terminal.type("grids", "usage")
        assert "931.3 GiB" in out


async def test_without_prices_nobody_knows_what_a_grid_costs(terminal: Terminal) -> None:
    assert "no-prices" in await terminal.refused("grids", "cost")

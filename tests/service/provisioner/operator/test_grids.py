"""What operators see of grids and do to them, typed at a terminal."""

import re
from datetime import timedelta

import pytest

from s4_contracts.ids import GridId
from s4_contracts.provisioner import GridSuspended
from s4_provisioner.lifecycle import Stage, Wanted
from s4_runtime import Permanent, new_id
from support.operator_cli import Terminal
from support.provisioner import Desk, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription

WHY = ("--note", "a test asks")


async def ready(desk: Desk) -> GridId:
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)
    return grid_id


async def test_grids_are_listed_with_where_and_how_they_are(desk: Desk, terminal: Terminal) -> None:
    grid_id = await ready(desk)
    grid = await desk.grid(grid_id)
    code, out, _ = await terminal.type("grids", "list")
    assert code == 0
    assert grid.host
    head, line, last = out.splitlines()
    assert head.startswith("grid ")
    assert all(word in line for word in (grid_id, "personal", "alone", "ready", grid.host.id, "s4-node 0"))
    assert last == "1 in all"


async def test_a_list_is_narrowed_and_goes_on_where_it_ended(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        grids = sorted([await desk.pay() for _ in range(3)])
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY)
    first = await terminal.json("grids", "list", "--limit", "2", "--pool", "alone", "--stage", "ready")
    assert ([row["id"] for row in first["grids"]], first["total"]) == (grids[:2], 3)
    rest = await terminal.json("grids", "list", "--after", grids[1])
    assert [row["id"] for row in rest["grids"]] == grids[2:]
    assert (await terminal.json("grids", "list", "--plan", "shared"))["grids"] == []
    assert (await terminal.json("grids", "list", "--trouble"))["grids"] == []


async def test_the_version_of_every_grid_is_known(desk: Desk, terminal: Terminal) -> None:
    await ready(desk)
    (row,) = (await terminal.json("grids", "list", "--versions"))["versions"]
    assert row == {"pool": "alone", "release": "s4-node-*", "version": "s4-node 0", "grids": 1}


async def test_a_grids_whole_life_is_one_timeline_without_a_secret(desk: Desk, terminal: Terminal) -> None:
    grid_id = await ready(desk)
    await terminal.json("grids", "rotate-credentials", grid_id, *WHY)
    await desk.pool.execute(
        "insert into furl_reads (grid_id, account_id, claim_ref, correlation_id, read_at)"
        " select id, account_id, 'ref', 'story', now() from grids"
    )
    code, out, _ = await terminal.type("grids", "show", grid_id)
    assert code == 0
    for what in ("paid", "step", "placed", "furl-read", "operator"):
        assert re.search(rf"^20\d\d-\S+ \S+  {what} ", out, re.MULTILINE), out
    assert "note=a test asks" in out
    assert "pb://" not in out
    told = await terminal.json("grids", "show", grid_id)
    assert not {"sealed_identity", "story"} & told["grid"].keys()
    times = [moment["at"] for moment in told["history"]]
    assert times == sorted(times)


async def test_a_grid_that_failed_goes_on_where_it_failed(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted(Script({Stage.NODE: [Permanent("strange-host")]}))):
        grid_id = await desk.pay()
        await desk.rests(grid_id)
        (row,) = (await terminal.json("grids", "list", "--trouble"))["grids"]
        assert row["failed_code"] == "strange-host"
        assert (await terminal.json("grids", "recover", grid_id, *WHY))["stage"] == "node"
        await desk.comes_to(grid_id, Stage.READY)


async def test_a_ready_grid_is_made_again_from_its_bucket_on(desk: Desk, terminal: Terminal) -> None:
    grid_id = await ready(desk)
    assert (await terminal.json("grids", "recover", grid_id, *WHY))["stage"] == "bucket"
    assert "grid-at-work" in await terminal.refused("grids", "recover", grid_id, *WHY)
    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.READY)


async def test_a_grid_moves_to_another_host(desk: Desk, terminal: Terminal) -> None:
    grid_id = await ready(desk)
    before = (await desk.grid(grid_id)).host
    async with desk.converging(scripted()):
        await terminal.json("grids", "move", grid_id, *WHY)
        after = (await desk.comes_to(grid_id, Stage.READY)).host
    assert before
    assert after
    assert before.id != after.id


async def test_a_grid_does_not_move_to_where_it_cannot_be(desk: Desk, terminal: Terminal) -> None:
    grid_id, other = await ready(desk), await ready(desk)
    host = (await desk.grid(grid_id)).host
    taken = (await desk.grid(other)).host
    assert host
    assert taken
    for to, why in ((host.id, "grid-is-there"), (taken.id, "host-is-full"), (new_id(), "no-such-host")):
        assert why in await terminal.refused("grids", "move", grid_id, "--to", to, *WHY)
    assert (await desk.grid(grid_id)).stage is Stage.READY


async def test_what_an_operator_suspended_stays_so_whatever_billing_says(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    subscription = Subscription(payment)
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await terminal.json("grids", "suspend", grid_id, *WHY)
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(subscription.suspended())
        await desk.tell(subscription.resumed())
        held = await desk.rests(grid_id)
        assert (held.stage, held.wanted) == (Stage.SUSPENDED, Wanted.READY)
        assert len(await desk.events(GridSuspended, grid_id)) >= 1
        await terminal.json("grids", "resume", grid_id, *WHY)
        await desk.comes_to(grid_id, Stage.READY)


async def test_resuming_what_billing_suspended_does_not_serve_it(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await desk.tell(Subscription(payment).suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await terminal.json("grids", "suspend", grid_id, *WHY)
        assert (await terminal.json("grids", "resume", grid_id, *WHY))["wanted"] == "suspended"
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED


async def test_what_an_operator_holds_is_not_removed_when_its_time_is_over(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await terminal.json("grids", "suspend", grid_id, *WHY)
        await desk.tell(Subscription(payment).ended(timedelta(0)))
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await terminal.json("grids", "resume", grid_id, *WHY)
        await desk.comes_to(grid_id, Stage.ABSENT)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["grids", "show", "not-an-id"], "not-an-id"),
        (["grids", "show", "01900000-0000-7000-8000-000000000000"], "no-such-grid"),
        (["grids", "suspend", "01900000-0000-7000-8000-000000000000", "--note", "abc"], "no-such-grid"),
        (["grids", "suspend", "01900000-0000-7000-8000-000000000000", "--note", ""], "malformed"),
        (["grids", "list", "--host", "x"], "not-an-id"),
        (["breaker", "close", "mars-north-1", "--note", "abc"], "no-such-region"),
    ],
)
async def test_what_cannot_be_done_is_said(terminal: Terminal, words: list[str], why: str) -> None:
    assert why in await terminal.refused(*words)


async def test_every_deed_is_on_record_with_who_and_why(desk: Desk, terminal: Terminal) -> None:
    grid_id = await ready(desk)
    await terminal.type("grids", "suspend", grid_id, "--note", "a look at abuse", who="bea")
    await terminal.refused("grids", "move", grid_id, "--note", "it is held")
    code, out, _ = await terminal.type("grids", "audit")
    assert code == 0
    (line,) = out.splitlines()[1:]
    assert all(word in line for word in ("bea", "grid-suspend", grid_id, "a look at abuse"))


async def test_who_is_no_operator_is_refused(terminal: Terminal) -> None:
    code, _, err = await terminal.type("grids", "list", who="x" * 32)
    assert (code, "operator-token-required" in err) == (1, True)

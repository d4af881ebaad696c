"""How operators delete grids: seen first, done by a second call, and by two where much is at stake."""

from datetime import timedelta

import pytest

from s4_contracts.ids import GridId
from s4_contracts.provisioner import GridDeleted
from s4_provisioner.lifecycle import Stage
from s4_store import Pool
from support.operator_cli import Terminal
from support.provisioner import Desk, a_payment
from support.scripted_steps import scripted
from support.subscriptions import Subscription

WHY = ("--note", "a test asks")


async def held(desk: Desk, terminal: Terminal, stored: int | None = 0) -> GridId:
    """A grid that an operator has suspended."""
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)
        await desk.pool.execute("update grids set stored_bytes = $2, stored_objects = 7 where id = $1", grid_id, stored)
        await terminal.json("grids", "suspend", grid_id, *WHY)
        await desk.comes_to(grid_id, Stage.SUSPENDED)
    return grid_id


async def code(terminal: Terminal, grid_id: str, *more: str, who: str = "ada") -> str:
    found: str = (await terminal.json("grids", "delete", grid_id, *WHY, *more, who=who))["confirm"]
    return found


async def deeds(pool: Pool) -> list[tuple[str, str]]:
    return [(row["who"], row["what"]) for row in await pool.fetch("select who, what from audit order by id")]


async def test_the_first_call_shows_what_would_go_and_the_second_has_it_go(desk: Desk, terminal: Terminal) -> None:
    grid_id = await held(desk, terminal)
    status, out, _ = await terminal.type("grids", "delete", grid_id, *WHY)
    assert status == 0
    assert "nothing is done yet" in out
    assert "stored_objects  7" in out
    assert (await desk.grid(grid_id)).stage is Stage.SUSPENDED
    confirm = out.split("--confirm ")[1].split()[0]
    async with desk.converging(scripted()):
        await terminal.json("grids", "delete", grid_id, *WHY, "--confirm", confirm)
        await desk.comes_to(grid_id, Stage.ABSENT)
    assert len(await desk.events(GridDeleted, grid_id)) == 1
    assert (await deeds(desk.pool))[1:] == [("ada", "grid-delete-asked"), ("ada", "grid-delete")]
    again = await terminal.json("grids", "delete", grid_id, *WHY)
    assert again["is_removed"]


async def test_a_dry_run_gives_no_code(desk: Desk, terminal: Terminal) -> None:
    grid_id = await held(desk, terminal)
    told = await terminal.json("grids", "delete", grid_id, *WHY, "--dry-run")
    assert told["would"]["grid"] == grid_id
    assert "confirm" not in told
    assert not await desk.pool.fetchval("select count(*) from confirmations")


async def test_a_code_is_for_one_deed_on_one_grid_and_for_some_minutes(desk: Desk, terminal: Terminal) -> None:
    grid_id, other = await held(desk, terminal), await held(desk, terminal)
    confirm = await code(terminal, grid_id)
    for words, why in (
        (("grids", "delete", other, *WHY, "--confirm", confirm), "no-such-confirmation"),
        (("grids", "delete", grid_id, *WHY, "--confirm", "00000000"), "no-such-confirmation"),
        (("grids", "delete", grid_id, *WHY, "--confirm", confirm, "--force"), "changed-meanwhile"),
    ):
        assert why in await terminal.refused(*words)
    await desk.pass_time(timedelta(minutes=16))
    assert "confirmation-ended" in await terminal.refused("grids", "delete", grid_id, *WHY, "--confirm", confirm)
    assert (await desk.grid(grid_id)).wanted == "ready"


async def test_what_changed_since_it_was_shown_is_shown_again(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await desk.pool.execute("update grids set stored_bytes = 0")
        await desk.tell(Subscription(payment).ended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
    confirm = await code(terminal, grid_id)
    await desk.pool.execute("update grids set wishes = wishes + 1")
    assert "changed-meanwhile" in await terminal.refused("grids", "delete", grid_id, *WHY, "--confirm", confirm)


@pytest.mark.parametrize("stored", [11 * 2**30, None])
async def test_much_or_what_nobody_measured_goes_by_the_word_of_two(
    desk: Desk, terminal: Terminal, stored: int | None
) -> None:
    grid_id = await held(desk, terminal, stored)
    confirm = await code(terminal, grid_id)
    assert "needs-another-operator" in await terminal.refused("grids", "delete", grid_id, *WHY, "--confirm", confirm)
    await terminal.json("grids", "delete", grid_id, *WHY, "--confirm", confirm, who="bea")
    assert (await desk.grid(grid_id)).wanted == "absent"


async def test_a_grid_that_is_paid_for_goes_only_by_force_and_by_two(desk: Desk, terminal: Terminal) -> None:
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)
        await desk.pool.execute("update grids set stored_bytes = 0")
    assert "grid-in-use" in await terminal.refused("grids", "delete", grid_id, *WHY)
    confirm = await code(terminal, grid_id, "--force")
    forced = ("grids", "delete", grid_id, *WHY, "--force", "--confirm", confirm)
    assert "needs-another-operator" in await terminal.refused(*forced)
    await terminal.json(*forced, who="bea")
    assert (await desk.grid(grid_id)).wanted == "absent"


async def test_nothing_goes_while_its_payment_is_contested(desk: Desk, terminal: Terminal) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
        await desk.tell(Subscription(payment).disputed())
    assert "payment-contested" in await terminal.refused("grids", "delete", grid_id, *WHY, "--force")

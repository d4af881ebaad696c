"""Many invites at once."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from s4_contracts.ids import GridId
from s4_runtime import new_id
from support.invite_agent import Invites
from support.waiting import until

MANY = 500


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_replica_takes_up_hundreds_of_invites_and_takes_them_up_again_when_the_mailbox_server_has_lost_all(
    invites: Invites, record_property: Callable[[str, object], None]
) -> None:
    invites.configure(lease=timedelta(seconds=20))
    before = invites.mailbox.said_at_any()
    for _ in range(MANY):
        await another(invites)
    began, spent = time.monotonic(), time.process_time()
    async with invites.replica():
        await waiting(invites, before + MANY)
        took, processor = time.monotonic() - began, time.process_time() - spent
        began = time.monotonic()
        await invites.mailbox.restart(forgetting=True)
        await waiting(invites, MANY)
        again = time.monotonic() - began
        spent, began = time.process_time(), time.monotonic()
        await asyncio.sleep(5)
        idle = (time.process_time() - spent) / (time.monotonic() - began)
    note = f"{MANY} invites: taken up in {took:.1f} s ({processor:.1f} s of processor), again in {again:.1f} s"
    record_property("note", f"{note}, held with {idle:.1%} of a processor")


async def another(invites: Invites) -> None:
    grid = GridId(new_id())
    await invites.has_furl(grid)
    await invites.opened(grid)


async def waiting(invites: Invites, number: int) -> None:
    await until(
        lambda: invites.mailbox.said_at_any() == number, within=240, what=f"{number} invites that wait", pause=0.5
    )

"""How invites end when nobody gets anything by them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from s4_contracts.ids import GridId
from s4_contracts.invites import InviteEnded, InviteOpened
from s4_contracts.provisioner import GridDeleted
from s4_runtime import new_id
from s4_runtime.testing import ManualClock
from support.invite_agent import FURL, Invites, an_invite_service
from support.joining import Joining, a_stranger, tahoe_joins
from support.mailbox_server import MailboxServer
from support.mortal import MortalPool
from support.waiting import until


async def endings(invites: Invites) -> list[tuple[str, str]]:
    return [(event.invite_id, event.outcome) for event in await invites.events() if isinstance(event, InviteEnded)]


async def ended(invites: Invites, invite: dict[str, Any], outcome: str) -> None:
    """Dead, told once, and nothing was read that it could have given."""
    await invites.becomes(invite, outcome)
    shown = await invites.now(invite)
    assert shown["code"] is None
    assert shown["ended_at"]
    assert await endings(invites) == [(invite["invite_id"], outcome)]
    assert not invites.provisioner.asked
    assert await invites.pool.fetchval("select sealed from invites where id = $1", invite["invite_id"]) is None


async def test_a_wrong_guess_by_the_real_client_kills_the_code_and_no_furl_leaves(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    number = invite["code"].split("-")[0]
    async with (
        invites.replica(),
        tahoe_joins(invites.mailbox.url, f"{number}-guessed-wrongly", tmp_path / "thief") as thief,
    ):
        assert await thief.ended() != 0
        assert "WrongPasswordError" in thief.said
        await ended(invites, invite, "guessed")
    assert not (tmp_path / "thief" / "tahoe.cfg").exists()


async def test_who_makes_a_guess_and_falls_silent_has_used_it_up(invites: Invites) -> None:
    invites.configure(handshake_patience=timedelta(seconds=0.5))
    invite = await invites.open()
    async with invites.replica(), a_stranger(invites.mailbox.url, invite["code"]) as stranger:
        await stranger.guess()
        await stranger.hears("version")
        await ended(invites, invite, "guessed")


async def test_two_who_come_before_the_agent_does_crowd_each_other_out(invites: Invites) -> None:
    invite = await invites.open()
    async with (
        a_stranger(invites.mailbox.url, invite["code"], side="one"),
        a_stranger(invites.mailbox.url, invite["code"], side="two"),
        invites.replica(),
    ):
        await ended(invites, invite, "crowded")


async def test_of_two_clients_at_once_one_is_served(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    async with invites.replica():
        await invites.is_waiting(invite)
        async with (
            tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "one") as one,
            tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "two") as two,
        ):
            await invites.becomes(invite, "claimed")
            served = [client for client in (one, two) if await has_furl(client)]
    assert len(served) == 1
    assert await endings(invites) == []


async def has_furl(client: Joining) -> bool:
    try:
        return await client.ended(within=2) == 0 and client.furl == FURL
    except TimeoutError:  # it waits at a number that leads nowhere any more
        return False


async def test_an_invite_expires_whether_it_is_held_or_not(database: str, mailbox: MailboxServer) -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with an_invite_service(database, mailbox, clock) as invites:
        invite = await invites.open()
        async with invites.replica():
            await invites.is_waiting(invite)
            await clock.advance(timedelta(days=6, hours=23))
            assert (await invites.now(invite))["state"] == "open"
            await clock.advance(timedelta(hours=1))
            await ended(invites, invite, "expired")


async def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(database: str, mailbox: MailboxServer) -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with an_invite_service(database, mailbox, clock) as invites:
        old = await invites.open()
        await invites.office.withdraw(old["invite_id"], invites.account)
        await clock.advance(timedelta(days=89))
        new = await invites.opened()
        async with invites.replica():
            await invites.is_waiting(new)
            listed = await invites.office.of_grid(invites.account, invites.grid)
            assert [each["invite_id"] for each in listed] == [new["invite_id"], old["invite_id"]]
            await clock.advance(timedelta(days=2))
            await until(partial(is_alone, invites, new), within=20, what="the old invite's end")


async def is_alone(invites: Invites, invite: dict[str, Any]) -> bool:
    listed = await invites.office.of_grid(invites.account, invites.grid)
    return [each["invite_id"] for each in listed] == [invite["invite_id"]]


async def test_a_code_that_was_withdrawn_is_dead_at_once(invites: Invites) -> None:
    invite = await invites.open()
    async with invites.replica() as replica:
        await invites.is_waiting(invite)
        await invites.office.withdraw(invite["invite_id"], invites.account)
        await ended(invites, invite, "withdrawn")
        assert not replica.done()
        async with a_stranger(invites.mailbox.url, invite["code"]) as stranger:
            await stranger.guess()
            with pytest.raises(TimeoutError):
                await stranger.hears_within("version", 1)


async def test_a_new_invite_of_the_grid_takes_the_place_of_the_old_one(invites: Invites, tmp_path: Path) -> None:
    old = await invites.open()
    new = await invites.opened()
    assert old["code"] != new["code"]
    await ended(invites, old, "replaced")
    async with invites.replica(), tahoe_joins(invites.mailbox.url, new["code"], tmp_path / "client") as client:
        await client.joined()
        await invites.becomes(new, "claimed")


async def test_the_end_of_the_grid_is_the_end_of_its_invites_and_of_news_that_come_late(invites: Invites) -> None:
    invite = await invites.open()
    gone = GridDeleted(
        occurred_at=datetime.now(UTC),
        account_id=invites.account,
        grid_id=invites.grid,
        signup_id=invites.signup,
        objects=0,
    )
    await invites.told(gone)
    await ended(invites, invite, "grid-gone")
    await invites.has_furl()
    assert await invites.pool.fetchval("select gone_at from furls where grid_id = $1", invites.grid) is not None


async def test_a_grid_that_is_gone_when_the_client_comes_ends_the_invite(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    invites.provisioner.furls.clear()
    async with invites.replica(), tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client"):
        await invites.becomes(invite, "grid-gone")
    assert await endings(invites) == [(invite["invite_id"], "grid-gone")]


async def test_once_the_settings_may_have_left_an_invite_can_only_end_as_claimed(
    invites: Invites, tmp_path: Path
) -> None:
    """Nobody may be told that nobody has got anything when that is not known."""
    invite = await invites.open()
    mortal = MortalPool(invites.pool, dies_at=8)
    async with tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client"), invites.replica(mortal):
        await until(lambda: mortal.is_dead, within=30, what="a dead replica")
    shown = await invites.office.withdraw(invite["invite_id"], invites.account)
    assert shown["state"] == "claimed"
    assert await endings(invites) == []
    assert [type(event) for event in await invites.events()] != [InviteOpened]


async def test_another_grids_invites_are_untouched(invites: Invites) -> None:
    other = GridId(new_id())
    await invites.has_furl(other)
    kept = await invites.opened(other)
    gone = await invites.open()
    await invites.office.withdraw(gone["invite_id"], invites.account)
    assert (await invites.now(kept))["code"] == kept["code"]

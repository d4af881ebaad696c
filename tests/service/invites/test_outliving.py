"""An invite outlives the processes that keep it open, whenever they end."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from s4_contracts.invites import InviteClaimed
from support.invite_agent import FURL, Invites
from support.joining import a_stranger, tahoe_joins
from support.mortal import LAST_DEATH, MortalPool
from support.waiting import until

SILENT = "invites_mailbox_silent_seconds"
GUESS_ON_RECORD, SETTINGS_MAY_LEAVE, SETTINGS_SENT = 4, 8, 9


async def times_claimed(invites: Invites) -> int:
    return [type(event) for event in await invites.events()].count(InviteClaimed)


async def test_a_replica_that_has_ended_before_anybody_came_is_followed_by_the_next_with_the_same_code(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    async with invites.replica():
        await invites.is_waiting(invite)
    assert (await invites.now(invite))["code"] == invite["code"]
    async with invites.replica(), tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client:
        await client.joined()
        await invites.becomes(invite, "claimed")
    assert client.furl == FURL


async def dies_and_is_followed(invites: Invites, folder: Path, dies_at: int) -> None:
    invite = await invites.open()
    mortal = MortalPool(invites.pool, dies_at)
    async with tahoe_joins(invites.mailbox.url, invite["code"], folder / "client") as client:
        async with invites.replica(mortal):
            await until(lambda: mortal.is_dead, within=30, what="a dead replica")
        async with invites.replica():
            await client.joined()
            await invites.becomes(invite, "claimed")
    assert client.furl == FURL
    assert await times_claimed(invites) == 1


@pytest.mark.parametrize("dies_at", [GUESS_ON_RECORD, SETTINGS_MAY_LEAVE, SETTINGS_SENT])
async def test_a_replica_that_dies_in_the_middle_of_the_handshake_is_followed_and_the_client_gets_its_settings(
    invites: Invites, tmp_path: Path, dies_at: int
) -> None:
    await dies_and_is_followed(invites, tmp_path, dies_at)


@pytest.mark.long
@pytest.mark.parametrize("dies_at", range(1, LAST_DEATH + 1))
async def test_it_may_die_anywhere(invites: Invites, tmp_path: Path, dies_at: int) -> None:
    await dies_and_is_followed(invites, tmp_path, dies_at)


async def test_nobody_gets_a_second_guess_by_a_restart(invites: Invites) -> None:
    """The first guess is wrong, and the replica dies before it can see that; whoever guesses next is too late."""
    invites.configure(handshake_patience=timedelta(seconds=1))
    invite = await invites.open()
    async with a_stranger(invites.mailbox.url, invite["code"] + "x") as wrong:
        mortal = MortalPool(invites.pool, GUESS_ON_RECORD)
        async with invites.replica(mortal):
            await wrong.guess()
            await until(lambda: mortal.is_dead, within=20, what="a dead replica")
    await invites.mailbox.restart(forgetting=True)
    async with a_stranger(invites.mailbox.url, invite["code"], side="beef") as right:
        await right.guess()
        async with invites.replica():
            await invites.becomes(invite, "guessed")
    assert not invites.provisioner.asked


async def test_a_replica_that_is_cut_off_from_the_database_lets_go_and_comes_back(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    cut_off = MortalPool(invites.pool, dies_at=1000)
    async with invites.replica(cut_off):
        await invites.is_waiting(invite)
        cut_off.is_dead = True
        await until(lambda: REGISTRY.get_sample_value(SILENT), within=20, what="a replica that holds no mailbox")
        async with invites.replica():
            await until(lambda: REGISTRY.get_sample_value(SILENT) == 0, within=20, what="another one that does")
        cut_off.is_dead = False
        async with tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client:
            await client.joined()
            await invites.becomes(invite, "claimed")
    assert await times_claimed(invites) == 1


async def test_two_replicas_serve_one_client_once(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    async with (
        invites.replica(),
        invites.replica(),
        tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client,
    ):
        await client.joined()
        await invites.becomes(invite, "claimed")
    assert await times_claimed(invites) == 1
    assert invites.provisioner.asked == 1

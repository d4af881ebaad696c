"""Invites and the mailbox server's troubles."""

from pathlib import Path

from prometheus_client import REGISTRY

from support.invite_agent import FURL, Invites
from support.joining import a_stranger, tahoe_joins
from support.waiting import until


async def is_used(invites: Invites, code: str, folder: Path) -> bool:
    async with tahoe_joins(invites.mailbox.url, code, folder) as client:
        await client.joined()
        return client.furl == FURL


async def test_a_restart_of_the_mailbox_server_changes_nothing(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    async with invites.replica():
        await invites.is_waiting(invite)
        await invites.mailbox.restart()
        assert await is_used(invites, invite["code"], tmp_path / "client")
        await invites.becomes(invite, "claimed")


async def test_a_mailbox_server_that_has_lost_its_database_is_told_all_again(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    async with invites.replica():
        await invites.is_waiting(invite)
        await invites.mailbox.restart(forgetting=True)
        await invites.is_waiting(invite)
        assert await is_used(invites, invite["code"], tmp_path / "client")
        await invites.becomes(invite, "claimed")


async def test_an_invite_that_was_pruned_while_nobody_held_it_works_again(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    async with invites.replica():
        await invites.is_waiting(invite)
    await invites.mailbox.prune()
    assert not invites.mailbox.knows(invite["code"].split("-")[0])
    async with invites.replica():
        assert await is_used(invites, invite["code"], tmp_path / "client")
        await invites.becomes(invite, "claimed")


async def test_a_client_that_came_while_nobody_was_there_is_served_once_somebody_is(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    async with tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client:
        await invites.is_waiting(invite)
        async with invites.replica():
            await client.joined()
            await invites.becomes(invite, "claimed")
    assert client.furl == FURL


async def test_an_unreachable_mailbox_server_is_shown_and_missed_and_works_once_it_is_back(
    invites: Invites, tmp_path: Path
) -> None:
    invites.mailbox.stop()
    invite = await invites.open()
    async with invites.replica():
        await invites.mailbox_is(invite, "unreachable")
        await until(lambda: REGISTRY.get_sample_value("invites_unreachable") == 1, within=10, what="a gauge")
        assert (REGISTRY.get_sample_value("invites_mailbox_silent_seconds") or 0) > 0
        assert (await invites.now(invite))["code"] == invite["code"]
        await invites.mailbox.start()
        await invites.mailbox_is(invite, "connected")
        assert REGISTRY.get_sample_value("invites_mailbox_silent_seconds") == 0
        assert await is_used(invites, invite["code"], tmp_path / "client")
        await invites.becomes(invite, "claimed")


async def test_a_mailbox_server_that_loses_all_in_the_middle_of_a_handshake_is_told_all_again(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    invites.provisioner.is_down = True
    async with (
        invites.replica(),
        tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client,
    ):
        await until(lambda: invites.provisioner.asked, within=30, what="a client that has proved itself")
        await invites.mailbox.restart(forgetting=True)
        invites.provisioner.is_down = False
        await client.joined()
        await invites.becomes(invite, "claimed")
    assert client.furl == FURL


async def test_a_provisioner_that_is_away_makes_the_client_wait_and_no_more(invites: Invites, tmp_path: Path) -> None:
    invite = await invites.open()
    invites.provisioner.is_down = True
    async with (
        invites.replica(),
        tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client,
    ):
        await until(lambda: invites.provisioner.asked > 1, within=30, what="a furl that was asked for again")
        assert (await invites.now(invite))["state"] == "open"
        invites.provisioner.is_down = False
        await client.joined()
        await invites.becomes(invite, "claimed")


async def test_who_is_not_of_the_protocol_harms_nobody(invites: Invites) -> None:
    """Nonsense in the mailbox before the first guess is passed over; nonsense as a guess is a wrong guess."""
    invite = await invites.open()
    async with invites.replica(), a_stranger(invites.mailbox.url, invite["code"]) as stranger:
        await stranger.mailbox.say("version", b"\xff")
        await stranger.mailbox.say("dilate-0", b"{}")
        await stranger.mailbox.say("pake", b"[[[[")
        await invites.becomes(invite, "guessed")
    assert not invites.provisioner.asked

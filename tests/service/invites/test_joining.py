"""Real clients use invites."""

from pathlib import Path

from s4_contracts.invites import InviteClaimed, InviteOpened
from support.invite_agent import FURL, Invites
from support.joining import gridsync_receives, tahoe_joins


async def test_the_real_client_gets_the_grids_settings_and_whole_numbers_of_shares(
    invites: Invites, tmp_path: Path
) -> None:
    invite = await invites.open()
    async with (
        invites.replica(),
        tahoe_joins(invites.mailbox.url, invite["code"], tmp_path / "client") as client,
    ):
        await client.joined()
        await invites.becomes(invite, "claimed")
    assert client.furl == FURL
    assert client.shares == {"needed": "1", "happy": "1", "total": "1"}
    assert client.config["node"]["nickname"] == "s4-quiet-otter"
    assert (await invites.now(invite))["code"] is None
    opened, claimed = await invites.events()
    assert isinstance(opened, InviteOpened)
    assert isinstance(claimed, InviteClaimed)
    assert opened.invite_id == claimed.invite_id == invite["invite_id"]


async def test_gridsync_gets_them_too_and_can_use_them(invites: Invites) -> None:
    invite = await invites.open()
    async with invites.replica():
        found = await gridsync_receives(invites.mailbox.url, invite["code"])
        await invites.becomes(invite, "claimed")
    assert found == {
        "introducer": FURL,
        "nickname": "s4-quiet-otter",
        "shares-needed": 1,
        "shares-happy": 1,
        "shares-total": 1,
    }

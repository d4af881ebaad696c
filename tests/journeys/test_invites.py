"""A person gives a code instead of a furl, and the client that took it stores a file."""

from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp

from s4_runtime import new_id
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.joining import tahoe_joins
from support.ledger import Ledger
from support.waiting import until

CLAIMED = "SELECT body FROM outbox WHERE type = 'invites.invite-claimed.v1' AND body ->> 'invite_id' = $1"


async def test_a_code_brings_a_stock_client_into_the_grid_though_all_that_kept_it_was_killed(
    shop: Shop, ledger: Ledger, tmp_path: Path
) -> None:
    async with Buyer.visiting(shop, "inviting") as buyer:
        await buyer.buy()
        await buyer.wait_until_ready()
        invite = await an_invite(shop, ledger, await ledger.account(buyer.email))
    for part in ("invites", "mailbox"):
        await shop.kill(part, SIGKILL)
        await shop.until_ready(part)
    async with tahoe_joins(invite["mailbox_url"], invite["code"], tmp_path / "client") as client:
        await client.joined()
        assert (await client.round_trip()).size == 1_000_000
    assert client.shares == {"needed": "1", "happy": "1", "total": "1"}
    await until(lambda: ledger.rows("invites", CLAIMED, invite["invite_id"]), within=30, what="the claim was told")
    assert len(await ledger.rows("invites", CLAIMED, invite["invite_id"])) == 1
    log = shop.log("invites")
    assert "invite.ended" in log
    assert [secret for secret in (client.furl, invite["code"]) if secret in log] == []


async def an_invite(shop: Shop, ledger: Ledger, account: str) -> dict[str, Any]:
    """What web is answered when the grid's owner asks for a code."""
    (grid,) = await ledger.rows("provisioner", "SELECT id FROM grids WHERE account_id = $1", account)
    headers = {"Authorization": f"Bearer {shop.folder.token('invites-token').read_text()}"}
    body = {"invite_id": new_id(), "account_id": account, "grid_id": str(grid["id"])}

    async def asked() -> dict[str, Any] | None:
        url = shop.wiring.addresses.url("invites") + "/invites"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
            return await answer.json() if answer.status == 200 else None

    invite: dict[str, Any] = await until(asked, within=30, what="an invite of a grid that was just issued")
    return invite

"""An invite code that is made in the browser sets up a real Tahoe-LAFS client."""

import asyncio
from pathlib import Path

from playwright.async_api import expect

from s4_shop.demo.tahoe import TahoeClient, TahoeFailed
from s4_shop.shop import Shop
from support.browser import Watched
from support.joining import NODE, tahoe_joins
from support.visits import a_customer, sign_in
from support.waiting import until


async def test_a_code_typed_into_a_client_connects_it_and_the_page_says_so(
    shop: Shop, person: Watched, tmp_path: Path
) -> None:
    page = person.page
    await sign_in(shop, page, await a_customer(shop, "invite", "ready"))
    await page.get_by_role("link", name="Invite codes").click()
    await page.get_by_role("button", name="Make a new code").click()
    code = await page.locator("#code").inner_text()
    await expect(page.locator("#waiting")).to_contain_text("Waiting for a client")
    await person.looks_right("journey-invite")
    async with tahoe_joins(shop.wiring.mailbox_url, code, tmp_path / "client") as joining:
        await joining.joined()
    assert joining.shares == {"needed": "1", "happy": "1", "total": "1"}
    await expect(page.locator("#used")).to_contain_text("a client is connected to your grid")
    await expect(page.locator("#code")).to_have_count(0)
    await stores_and_reads(tmp_path)


async def stores_and_reads(folder: Path) -> None:
    """The client that was joined is run, and uses the grid."""
    tahoe = NODE / "bin" / "tahoe"
    content = b"what the invited client stored" * 100
    process = await asyncio.create_subprocess_exec(tahoe, "run", folder / "client", stdin=asyncio.subprocess.PIPE)
    client = TahoeClient(tahoe, folder / "client")
    caps: list[str] = []

    async def is_stored() -> bool:
        try:
            caps.append(await client.put(content))
        except TahoeFailed:
            return False
        return True

    try:
        await until(is_stored, within=60, what="the client stores a file", pause=1)
        assert await client.get(caps[0]) == content
    finally:
        process.kill()
        await process.wait()

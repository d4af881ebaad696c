"""An owner connects real clients by what the pages say, word for word, and sees what became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT
from tempfile import mkdtemp

import pytest
from playwright.async_api import Page, expect

from s4_shop.ports import free_port
from s4_shop.shop import Shop
from support.browser import chromium, window
from support.qr_reader import read_codes
from support.visits import a_customer, sign_in
from support.waiting import until

STEPS = ("alias", "make", "put", "get")


class Shell:
    """The terminal of a person whose home is this folder."""

    def __init__(self, shop: Shop, home: Path) -> None:
        node = shop.wiring.options.node / "bin"
        self.home = home
        self._env = {"HOME": str(home), "PATH": f"{node}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

    async def _begun(self, line: str) -> asyncio.subprocess.Process:
        pipe, same = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        command = f"exec {line}" if line.startswith("tahoe run") else line
        return await asyncio.create_subprocess_exec(
            "sh", "-c", command, env=self._env, cwd=self.home, stdin=pipe, stdout=pipe, stderr=same
        )

    async def type(self, line: str, keys: str = "") -> str:
        """What the line says; fails when it fails."""
        shell = await self._begun(line)
        async with asyncio.timeout(120):
            said, _ = await shell.communicate(keys.encode())
        assert shell.returncode == 0, said.decode()
        return said.decode()

    @asynccontextmanager
    async def running(self, line: str) -> AsyncIterator[None]:
        """The line goes on in another window."""
        config = self.home / "s4-grid/tahoe.cfg"
        usual = "tcp:3456:interface=127.0.0.1"  # may be taken here
        config.write_text(config.read_text().replace(usual, f"tcp:{free_port()}:interface=127.0.0.1"))
        shell = await self._begun(line)
        try:
            yield
        finally:
            shell.send_signal(SIGINT)
            await shell.communicate()

    async def works(self, line: str) -> bool:
        """The line did what it says, perhaps not at once: a client needs a moment to find its grid."""
        shell = await self._begun(line)
        await shell.communicate()
        return shell.returncode == 0


async def takes_the_first_steps(page: Page, shell: Shell) -> None:
    """Everything that is typed is on the page."""
    lines = {name: await page.locator(f"#{name}").inner_text() for name in ("run", *STEPS, "keep")}
    async with shell.running(lines["run"]):
        await until(lambda: shell.works(lines["alias"]), within=90, what="the client is connected")
        for name in STEPS[1:]:
            await shell.type(lines[name])
        assert (shell.home / "hello-again.txt").read_text() == "hello\n"
        assert "home: URI:DIR2:" in await shell.type(lines["keep"])


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_clients_get_in_by_a_code_and_by_the_furl_as_the_pages_say(shop: Shop, tmp_path: Path) -> None:
    email = await a_customer(shop, "connecting", "ready")
    async with chromium() as browser, window(browser, shop.urls["site"]) as person:
        page = person.page
        await sign_in(shop, page, email)
        await page.get_by_role("link", name="Connect a client").click()
        connect = page.url
        await page.get_by_role("link", name="Make an invite code").click()
        await page.get_by_role("button", name="Make a new code").click()
        code = await page.locator("#code").inner_text()
        assert read_codes(await page.content()) == [code]
        coded, pasted = (Shell(shop, Path(mkdtemp(dir=tmp_path))) for _ in range(2))
        await coded.type(await page.locator("#join").inner_text())
        await expect(page.locator("#used")).to_contain_text("a client is connected to your grid")
        await page.goto(connect)
        await takes_the_first_steps(page, coded)

        lines = [await page.locator(f"#{name}").inner_text() for name in ("create-without", "paste")]
        await page.get_by_role("button", name="Show my furl").click()
        furl = await page.locator("#furl").inner_text()
        assert read_codes(await page.content()) == [furl]
        await pasted.type(lines[0])
        await pasted.type(lines[1], keys=f"{furl}\n")
        await takes_the_first_steps(page, pasted)

        await page.goto(connect)
        await expect(page.locator("#reveals li")).to_have_count(2)
        await expect(page.locator("#reveals")).to_contain_text("Fetched by a client with an invite code")
        await expect(page.locator("#reveals")).to_contain_text("Shown in your account")
        await expect(page.locator("#reveals")).to_contain_text("Chrome on Linux, from 127.0.*.*")

"""An owner takes everything along: the site's list and its command lines, against the provisioner and the cloud."""

import asyncio
import csv
import html
import io
import os
import re
import shutil
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from s4_contracts.ids import AccountId, GridId, SignupId
from s4_provisioner.exporting import Exports
from s4_provisioner.http import Furls, application
from s4_provisioner.lifecycle import Stage
from s4_runtime import Secret
from support.databases import KeptDatabases
from support.grid_cloud import Cloud
from support.provisioner import TOKEN, Desk, a_desk, a_payment
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite, running_site

STORED = {f"shares/aa/{name}/0": f"share {name}".encode() for name in ("a", "b c", "ü+%&'$x")}


class Someone:
    """An owner with a grid in the cloud, signed in at the site."""

    def __init__(self, site: RunningSite, browser: Browser, buyer: Buyer) -> None:
        self._site, self._browser, self._buyer = site, browser, buyer

    async def asks(self, what: str) -> Page:
        """The form of the export's page is sent."""
        form = {"csrf": await self._browser.csrf()}
        headers = {"Origin": self._site.origin}
        return await self._browser.post(f"/account/{self._buyer.account_id}/export/{what}", form, headers=headers)


@pytest.fixture
async def owner(database: str, kept_databases: KeptDatabases, cloud: Cloud) -> AsyncIterator[Someone]:
    web_database = await kept_databases.of("s4_web")
    async with a_desk(database, cloud) as desk, running_site(web_database) as site, site.browser() as elsewhere:
        await elsewhere.sign_up()
        buyer = await site.buyer()
        buyer.grid_id = await a_grid(desk, cloud, buyer)
        await buyer.gets_a_grid()
        buyer.has_account()
        furls = Furls(desk.pool, desk.tools.seal, desk.settings, desk.tools.clock)
        async with TestServer(application(furls, Exports(desk.pool, desk.tools))) as door:
            site.provisioner.url = str(door.make_url("/"))
            async with site.replica(provisioner_token=Secret(TOKEN)) as origin, site.browser(origin) as browser:
                token, headers = buyer.sign_in_link(), {"Origin": site.origin}
                form = {"csrf": await browser.csrf(), "token": token}
                assert (await browser.post("/sign-in/link", form, headers=headers)).status == 303
                yield Someone(site, browser, buyer)
    cloud.mend()


async def a_grid(desk: Desk, cloud: Cloud, buyer: Buyer) -> GridId:
    """The grid that the buyer paid for, with something in its bucket."""
    payment = replace(a_payment(), account_id=AccountId(buyer.account_id), signup_id=SignupId(buyer.signup_id))
    async with desk.converging():
        grid = await desk.comes_to(await desk.pay(payment), Stage.READY, within=60)
    for key, content in STORED.items():
        await asyncio.to_thread(cloud.client("s3").put_object, Bucket=grid.bucket, Key=key, Body=content)
    return grid.id


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
        content: bytes = answer.read()
    return content


async def test_every_address_in_the_list_leads_to_what_is_stored(owner: Someone, cloud: Cloud) -> None:
    page = await owner.asks("list")
    assert page.status == 200
    _, *objects, end = csv.reader(io.StringIO(page.text))
    assert end[0].startswith(f"# end of the list: {len(STORED)} objects")
    with cloud.enforcing():
        assert {row[0]: await asyncio.to_thread(fetched, row[3]) for row in objects} == STORED


def commands(page: Page, *names: str) -> str:
    """What the owner copies from the page."""
    found = {name: re.search(rf'<code id="{name}">(.*?)</code>', page.text, re.DOTALL) for name in names}
    return "\n".join(html.unescape(code[1]) for code in found.values() if code)


async def test_the_command_lines_copy_what_is_stored_and_may_be_run_again(
    owner: Someone, cloud: Cloud, tmp_path: Path
) -> None:
    page = await owner.asks("session")
    assert page.status == 200
    for program in filter(shutil.which, ("aws", "rclone")):
        folder = tmp_path / program
        folder.mkdir()
        with cloud.enforcing():
            for _ in range(2):
                await run(commands(page, "keys", program), folder)
        copied = {path.relative_to(folder / "s4-export") for path in folder.rglob("0") if path.is_file()}
        assert {str(path): (folder / "s4-export" / path).read_bytes() for path in copied} == STORED


async def run(script: str, folder: Path) -> None:
    """A shell is given the script, and all of it succeeds."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "RCLONE_CONFIG": os.devnull}
    shell = await asyncio.create_subprocess_exec("/bin/sh", "-eu", env=env, stdin=-1, stdout=-1, stderr=-1, cwd=folder)
    out, err = await shell.communicate(script.encode())
    assert shell.returncode == 0, (out.decode()[-2000:], err.decode()[-2000:])

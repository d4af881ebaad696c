"""Getting connected: what the pages say to type or to load works with the real clients, letter for letter."""

import asyncio
import configparser
import os
from pathlib import Path

import pytest
import yaml

from s4_runtime import new_id
from s4_web.connecting.commands import PUBLIC_MAILBOX, FirstSteps, join
from s4_web.connecting.qr import qr
from support import gridsync_settings
from support.qr_reader import read_codes
from support.web_peers import Browser, Page
from support.web_site import FURL, Buyer, RunningSite

NODE = Path(__file__).parents[3] / ".s4/node/bin"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home for the client. Where it is not installed the test is skipped at home and fails in CI."""
    if not (NODE / "tahoe").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("not installed: tahoe")
        pytest.skip("not installed: tahoe")
    return tmp_path


async def typed(home: Path, *lines: str, keys: str = "") -> str:
    """What a shell that is typed these lines into says; fails when one of them fails."""
    pipe = asyncio.subprocess.PIPE
    env = {"HOME": str(home), "PATH": f"{NODE}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    shell = await asyncio.create_subprocess_exec(
        "sh", "-e", "-c", "\n".join(lines), env=env, cwd=home, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(120):
        said, _ = await shell.communicate(keys.encode())
    assert shell.returncode == 0, said.decode()
    return said.decode()


def made(home: Path) -> tuple[dict[str, str], str]:
    """The settings of the client that was made, and the furl that it will use."""
    node = home / "s4-grid"
    config = configparser.ConfigParser(interpolation=None)
    config.read(node / "tahoe.cfg")
    introducers = yaml.safe_load((node / "private/introducers.yaml").read_text())
    return dict(config["client"]), introducers["introducers"]["default"]["furl"]


async def furl_page(browser: Browser, buyer: Buyer, what: str = "furl") -> Page:
    form = {"csrf": await browser.csrf(), "request_id": new_id()}
    return await browser.post(f"/account/{buyer.account_id}/{what}", form)


async def test_the_command_with_the_furl_makes_a_client_for_this_grid(
    site: RunningSite, browser: Browser, home: Path
) -> None:
    page = await furl_page(browser, await site.a_member(browser))
    await typed(home, page.element("create"))
    settings, furl = made(home)
    assert furl == FURL
    assert [settings[f"shares.{name}"] for name in ("needed", "happy", "total")] == ["1", "1", "1"]


async def test_a_furl_that_is_pasted_makes_the_same_client_and_is_in_no_command(
    site: RunningSite, browser: Browser, home: Path
) -> None:
    buyer = await site.a_member(browser)
    page = await furl_page(browser, buyer)
    lines = [page.element("create-without"), page.element("paste")]
    assert "swissnum" not in "".join(lines)
    other = await browser.get(f"/account/{buyer.account_id}/connect")
    assert [other.element("create-without"), other.element("paste")] == lines
    said = await typed(home, *lines, keys=f"{FURL}\n")
    assert said.endswith("Furl: ")
    settings, furl = made(home)
    assert (furl, settings["shares.total"]) == (FURL, "1")
    assert (home / "s4-grid/private").stat().st_mode & 0o077 == 0


async def test_the_first_steps_are_commands_that_the_client_knows(home: Path) -> None:
    steps = FirstSteps()
    known = await typed(home, "tahoe --help")
    for command in (steps.run, steps.alias, steps.put, steps.get):
        name = command.replace("-d ~/s4-grid ", "").split()[1]
        assert f"\n    {name}" in known


async def test_the_same_first_steps_are_on_both_pages(site: RunningSite, browser: Browser) -> None:
    buyer, steps = await site.a_member(browser), FirstSteps()
    for page in (await furl_page(browser, buyer), await browser.get(f"/account/{buyer.account_id}/connect")):
        for name in ("run", "alias", "make", "put", "get", "keep"):
            assert page.element(name) == getattr(steps, name)


async def test_a_server_for_codes_is_named_only_where_the_client_would_not_look_by_itself(home: Path) -> None:
    assert f"[default:\n{' ' * 33}{PUBLIC_MAILBOX}]" in await typed(home, "tahoe --help")
    assert join("7-a-b", PUBLIC_MAILBOX) == "tahoe create-client --join=7-a-b ~/s4-grid"
    own = join("7-a-b", "ws://127.0.0.1:1/v1")
    assert own == "tahoe --wormhole-server=ws://127.0.0.1:1/v1 create-client --join=7-a-b ~/s4-grid"
    assert "Usage: tahoe" in await typed(home, own.replace("--join=7-a-b ~/s4-grid", "--help"))


async def test_gridsync_loads_the_settings_file(site: RunningSite, browser: Browser, home: Path) -> None:
    page = await furl_page(browser, await site.a_member(browser), "gridsync.json")
    assert page.headers["Content-Type"].startswith("application/json")
    assert page.headers["Content-Disposition"] == 'attachment; filename="s4-quiet-otter.json"'
    assert page.headers["Cache-Control"] == "no-store"
    settings = gridsync_settings.load(page.text.encode())
    assert settings["nickname"] == "s4-quiet-otter"
    assert {settings[f"shares-{name}"] for name in ("needed", "happy", "total")} == {1}
    await typed(home, f"tahoe {' '.join(gridsync_settings.command(settings))} s4-grid")
    client, furl = made(home)
    assert (furl, client["shares.happy"]) == (FURL, "1")


async def test_a_download_is_on_record_as_such(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await furl_page(browser, buyer, "gridsync.json")
    page = await browser.get(f"/account/{buyer.account_id}/connect")
    assert "Downloaded as a settings file" in page.text


@pytest.mark.parametrize("text", ["7-a-b", FURL, "pb://" + "a" * 600, 'é"<&'])
def test_a_code_that_is_drawn_can_be_read_and_says_what_it_is(text: str) -> None:
    drawn = qr(text, 'Your "code"')
    assert read_codes(str(drawn)) == [text]
    assert 'aria-label="Your &#34;code&#34;"' in drawn
    assert "style" not in drawn

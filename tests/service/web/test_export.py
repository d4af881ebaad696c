"""Taking everything along: a list that is whole or says that it is not, and keys that are shown once."""

import asyncio
import csv
import io
import re
from pathlib import Path

import aiohttp
import pytest

from s4_contracts import Event
from s4_runtime import new_id
from support.room import a_measurement
from support.web_changes import another_grid, deleted, has_left, send, stopped
from support.web_peers import ACCESS, Browser, Page
from support.web_site import Buyer, RunningSite, running_site

SECRETS = (ACCESS["access_key_id"], ACCESS["secret_access_key"], ACCESS["session_token"])


def keys(count: int) -> list[str]:
    return [f"shares/aa/{number:026d}/0" for number in range(count)]


async def who_stores(site: RunningSite, browser: Browser, count: int = 3) -> Buyer:
    buyer = await site.a_member(browser)
    site.provisioner.stored[buyer.grid_id] = keys(count)
    return buyer


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


async def given(site: RunningSite) -> list[str]:
    return [row["kind"] for row in await site.pool.fetch("SELECT kind FROM exports ORDER BY id")]


async def test_the_page_shows_how_much_the_first_of_it_and_how_to_read_it_without_us(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await who_stores(site, browser, 25)
    now, ids = site.clock.now(), (buyer.account_id, buyer.signup_id)
    await site.hears(a_measurement(now, *ids, 40 * 10**9))
    assert f'href="/account/{buyer.account_id}/export"' in (await browser.get(f"/account/{buyer.account_id}")).text
    page = await browser.get(f"/account/{buyer.account_id}/export")
    assert (page.status, page.heading) == (200, "Take everything along")
    for words in ("40 GB", "12,345", keys(25)[7], "the first 8", "tahoe create-node", "storage/shares/"):
        assert words in page.text
    assert keys(25)[8] not in page.text
    assert "s3.test" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert await given(site) == []


async def test_the_list_has_every_object_and_says_that_it_is_whole(site: RunningSite, browser: Browser) -> None:
    buyer = await who_stores(site, browser, 2500)
    page = await send(browser, buyer, "export/list")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert "attachment" in page.headers["Content-Disposition"]
    assert page.headers["Cache-Control"] == "no-store"
    head, *objects, end = rows(page.text)
    assert head == ["key", "size", "modified", "url", "url_good_until"]
    assert [row[0] for row in objects] == keys(2500)
    assert objects[0][3:] == [f"https://s3.test/{keys(1)[0]}?X-Amz=1", "2026-03-01T13:00:00Z"]
    assert end == ["# end of the list: 2500 objects, 95000 bytes"]
    asked = site.provisioner.bodies(f"/grids/{buyer.grid_id}/export/objects")
    assert [(body["after"], body["limit"]) for body in asked] == [
        (None, 1000),
        (keys(2500)[999], 1000),
        (keys(2500)[1999], 1000),
    ]
    assert await given(site) == ["list"]


async def broken_off(browser: Browser, path: str) -> str:
    """What arrives before the connection ends too early."""
    received, form, headers = bytearray(), {"csrf": await browser.csrf()}, {"Origin": browser.origin}

    async def receive(answer: aiohttp.ClientResponse) -> None:
        async for part in answer.content.iter_any():
            received.extend(part)

    async with browser.session.post(browser.origin + path, data=form, headers=headers) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await receive(answer)
    return received.decode()


async def test_an_empty_grid_has_an_empty_list(site: RunningSite, browser: Browser) -> None:
    buyer = await who_stores(site, browser, 0)
    assert "Nothing is stored yet" in (await browser.get(f"/account/{buyer.account_id}/export")).text
    assert rows((await send(browser, buyer, "export/list")).text)[1:] == [["# end of the list: 0 objects, 0 bytes"]]


async def test_a_list_goes_on_after_a_key(site: RunningSite, browser: Browser) -> None:
    buyer = await who_stores(site, browser, 10)
    page = await send(browser, buyer, "export/list", after=keys(10)[6])
    assert [row[0] for row in rows(page.text)[1:-1]] == keys(10)[7:]


async def test_a_list_that_breaks_off_is_a_failed_download_and_says_where_to_go_on(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await who_stores(site, browser, 2500)
    site.provisioner.lists_left = 2
    *objects, end = rows(await broken_off(browser, f"/account/{buyer.account_id}/export/list"))[1:]
    assert [row[0] for row in objects] == keys(2000)
    assert end == ["# BROKEN OFF after 2000 objects; ask for the rest after the key", keys(2000)[-1]]
    site.provisioner.lists_left = None
    rest = await send(browser, buyer, "export/list", after=end[1])
    assert [row[0] for row in rows(rest.text)[1:-1]] == keys(2500)[2000:]


async def test_one_hiccup_of_the_provisioner_breaks_nothing_off(site: RunningSite, browser: Browser) -> None:
    buyer = await who_stores(site, browser, 1500)
    path = f"/grids/{buyer.grid_id}/export/objects"
    site.provisioner.answer_next(path, 503, {"code": "aws-unavailable"})
    page = await send(browser, buyer, "export/list")
    assert rows(page.text)[-1][0].startswith("# end of the list: 1500 objects")


@pytest.mark.parametrize("what", ["silent", "503", "nonsense", "endless"])
async def test_while_nothing_can_be_listed_the_page_says_so_and_nothing_is_given_out(
    site: RunningSite, browser: Browser, what: str
) -> None:
    buyer = await who_stores(site, browser)
    path = f"/grids/{buyer.grid_id}/export"
    site.provisioner.is_down = what == "silent"
    site.provisioner.lists_left = 0 if what == "503" else None

    def is_broken() -> None:
        nonsense = {"objects": [{"key": 7}], "next": None, "urls_until": "soon"}
        endless = {"objects": [], "next": "", "urls_until": "2026-03-01T13:00:00Z"}
        if what in {"nonsense", "endless"}:
            site.provisioner.answer_next(f"{path}/objects", 200, nonsense if what == "nonsense" else endless)
            site.provisioner.answer_next(f"{path}/session", 200, {"bucket": "b"})

    is_broken()
    page = await browser.get(f"/account/{buyer.account_id}/export")
    assert (page.status, "The list cannot be fetched right now" in page.text) == (200, True)
    if what in {"silent", "503"}:
        page = await send(browser, buyer, "export/list")
        assert (page.status, page.heading) == (503, "What you stored cannot be listed right now")
    if what != "503":
        is_broken()
        page = await send(browser, buyer, "export/session")
        assert (page.status, page.heading) == (503, "What you stored cannot be listed right now")


def shell_lines(page: Page, name: str) -> str:
    found = re.search(rf'<code id="{name}">(.*?)</code>', page.text, re.DOTALL)
    assert found
    return found[1].replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")


async def test_the_keys_are_shown_with_commands_that_a_shell_understands(
    site: RunningSite, browser: Browser, tmp_path: Path
) -> None:
    buyer = await who_stores(site, browser)
    for endpoint in (None, "http://127.0.0.1:5000"):
        site.provisioner.access["endpoint"] = endpoint
        page = await send(browser, buyer, "export/session")
        assert (page.status, page.heading) == (200, "Keys for your bucket")
        assert page.headers["Cache-Control"] == "no-store"
        script = f"{shell_lines(page, 'keys')}\n{shell_lines(page, 'aws')}\n{shell_lines(page, 'rclone')}\n"
        said = await run(script, tmp_path)
        aws = ["aws", "s3", "sync", *(["--endpoint-url", endpoint] if endpoint else [])]
        provider = ["--s3-provider", "Other" if endpoint else "AWS", "--s3-env-auth", "--s3-region", "eu-central-1"]
        provider += ["--s3-endpoint", endpoint] if endpoint else []
        assert said == [
            [*SECRETS, "eu-central-1"],
            [*aws, "s3://s4-test-bucket", "s4-export"],
            [*SECRETS, "eu-central-1"],
            ["rclone", "copy", *provider, ":s3:s4-test-bucket", "s4-export"],
        ]
    assert await given(site) == ["keys", "keys"]


async def run(script: str, folder: Path) -> list[list[str]]:
    """What a shell makes of the script: the keys and the words that each of the two programs would be given."""
    for name in ("aws", "rclone"):
        program = folder / name
        names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "DEFAULT_REGION")
        values = " ".join(f'"$AWS_{each}"' for each in names)
        program.write_text(f"#!/bin/sh\nprintf '%s\\t' {values}; echo\nprintf '%s\\t' {name} \"$@\"; echo\n")
        program.chmod(0o755)
    shell = await asyncio.create_subprocess_exec(
        "/bin/sh", "-eu", env={"PATH": f"{folder}:/bin:/usr/bin"}, stdin=-1, stdout=-1, cwd=folder
    )
    out, _ = await shell.communicate(script.encode())
    assert shell.returncode == 0
    return [line.split("\t")[:-1] for line in out.decode().splitlines()]


async def test_it_works_while_the_grid_is_stopped_and_after_the_end_until_it_is_deleted(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await who_stores(site, browser)
    await site.hears(stopped(site, buyer, "billing"))
    assert (await send(browser, buyer, "export/list")).status == 200
    has_left(buyer)
    site.billing.is_down = True
    assert (await browser.get(f"/account/{buyer.account_id}/export")).status == 200
    assert (await send(browser, buyer, "export/session")).status == 200
    site.provisioner.answer_next(f"/grids/{buyer.grid_id}/export/objects", 410, {"code": "grid-gone"})
    page = await send(browser, buyer, "export/list")
    assert (page.status, page.heading) == (410, "Your grid was deleted")
    await site.later(minutes=1)
    await site.hears(deleted(site, buyer))
    for page in (
        await browser.get(f"/account/{buyer.account_id}/export"),
        await send(browser, buyer, "export/list"),
        await send(browser, buyer, "export/session"),
    ):
        assert (page.status, page.heading) == (410, "Your grid was deleted")


async def test_a_grid_that_was_never_made_has_nothing_to_export(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid())
    buyer.has_account()
    await site.signs_in(browser, buyer)
    page = await browser.get(f"/account/{buyer.account_id}/export")
    assert (page.status, page.heading) == (409, "Nothing is stored yet")


@pytest.mark.parametrize("what", ["export/list", "export/session"])
async def test_what_gives_something_out_wants_a_recent_sign_in_our_form_and_the_owner(
    site: RunningSite, browser: Browser, what: str
) -> None:
    bobs = await another_grid(site, "bob@example.org")
    site.provisioner.furls[bobs.grid_id, bobs.account_id] = "a furl"
    buyer = await who_stores(site, browser)
    assert (await browser.post(f"/account/{buyer.account_id}/{what}", {})).status == 403
    for account_id in (bobs.account_id, new_id(), "1"):
        form = {"csrf": await browser.csrf(), "grid_id": bobs.grid_id}
        assert (await browser.post(f"/account/{account_id}/{what}", form)).status == 404
        assert (await browser.get(f"/account/{account_id}/export")).status == 404
    async with site.browser() as nobody:
        assert (await send(nobody, buyer, what)).place == "/sign-in?first=yes"
    await site.later(minutes=16)
    page = await send(browser, buyer, what)
    assert (page.status, page.heading) == (403, "Please sign in anew")
    assert site.provisioner.calls == []
    assert await given(site) == []
    assert (await site.signs_in(browser, buyer)).place == f"/account/{buyer.account_id}/export"


async def test_a_key_longer_than_any_is_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await who_stores(site, browser)
    assert (await send(browser, buyer, "export/list", after="x" * 1025)).status == 400
    assert (await send(browser, buyer, "export/list", after="x\r\n<b>'\"")).status == 200


async def test_lists_and_keys_are_given_out_so_often_and_no_more(web_database: str) -> None:
    async with running_site(web_database, exports_per_grid=2) as site, site.browser() as browser:
        buyer = await who_stores(site, browser)
        statuses = [(await send(browser, buyer, what)).status for what in ("export/list", "export/session") * 2]
        assert statuses == [200, 200, 429, 429]
        assert await given(site) == ["list", "keys"]
        page = await browser.get(f"/account/{buyer.account_id}/export")
        assert "the last time was on" in page.text
        for _ in range(6):
            page = await browser.get(f"/account/{buyer.account_id}/export")
            assert page.status == 200
        assert "The list cannot be fetched right now" in page.text
        assert len(site.provisioner.bodies(f"/grids/{buyer.grid_id}/export/objects")) == 3 * 2 + 1


async def test_no_key_and_no_address_is_kept_told_or_logged(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await who_stores(site, browser)
    before: list[Event] = await site.emitted()
    await send(browser, buyer, "export/session")
    await send(browser, buyer, "export/list")
    page = await browser.get(f"/account/{buyer.account_id}/export")
    logged = capsys.readouterr()
    assert await site.emitted() == before
    kept = str(await site.pool.fetch("SELECT * FROM exports"))
    for secret in (*SECRETS, "s3.test", keys(1)[0]):
        assert str(secret) not in logged.out + logged.err + kept
    for secret in SECRETS:
        assert str(secret) not in page.text

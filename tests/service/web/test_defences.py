"""What the site refuses, whatever page it is."""

import asyncio
import re

import pytest

from support.web_peers import Browser
from support.web_site import RunningSite, running_site

FORM = {"email": "ada@example.com", "plan": "personal", "terms": "yes"}


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "ключ"])
async def test_a_form_without_our_token_is_403(site: RunningSite, browser: Browser, csrf: str | None) -> None:
    await browser.csrf()
    page = await browser.post("/signup", FORM if csrf is None else {**FORM, "csrf": csrf})
    assert (page.status, page.heading) == (403, "Please open the form again")
    assert await site.count("signups") == 0


async def test_a_token_of_another_browser_is_403(site: RunningSite, browser: Browser) -> None:
    csrf = await browser.csrf()
    async with site.browser() as other:
        await other.csrf()
        assert (await other.post("/signup", {**FORM, "csrf": csrf})).status == 403
    async with site.browser() as without_cookie:
        assert (await without_cookie.post("/signup", {**FORM, "csrf": csrf})).status == 403
    assert await site.count("signups") == 0


@pytest.mark.parametrize(
    "path", ["/signup", "/pay/hosted", "/pay/session", "/status/letter", "/claim", "/claim/letter"]
)
async def test_every_form_wants_the_token(site: RunningSite, browser: Browser, path: str) -> None:
    await site.an_owner(browser)
    assert (await browser.post(path, FORM)).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_from_elsewhere_is_403(site: RunningSite, browser: Browser, headers: dict[str, str]) -> None:
    page = await browser.post("/signup", {**FORM, "csrf": await browser.csrf()}, headers=headers)
    assert page.status == 403
    assert await site.count("signups") == 0


async def test_a_page_without_a_referrer_may_still_send_its_form(site: RunningSite, browser: Browser) -> None:
    form = {**FORM, "csrf": await browser.csrf()}
    assert (await browser.post("/signup", form, headers={"Origin": "null"})).status == 303


async def test_a_body_beyond_64_kib_is_413(site: RunningSite, browser: Browser) -> None:
    page = await browser.post("/signup", {**FORM, "csrf": await browser.csrf(), "more": "x" * 65536})
    assert (page.status, page.heading) == (413, "That was too much")
    assert await site.count("signups") == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"email=a%FF&plan=personal", "application/x-www-form-urlencoded", 400),
        (b"plan=personal&plan=studio", "application/x-www-form-urlencoded", 400),
        ("&".join(f"f{n}=1" for n in range(40)).encode(), "application/x-www-form-urlencoded", 400),
        ("email=ключ".encode(), "application/x-www-form-urlencoded", 400),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"<a/>", "text/xml", 415),
        (b"{}", "application/json", 403),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_a_body_that_no_page_of_ours_sends_is_refused(
    site: RunningSite, browser: Browser, body: bytes, kind: str, status: int
) -> None:
    await browser.csrf()
    headers = {"Content-Type": kind, "Origin": browser.origin}
    async with browser.session.post(browser.origin + "/signup", data=body, headers=headers) as answer:
        assert answer.status == status
        assert "<h1>" in await answer.text()
    assert await site.count("signups") == 0


async def test_an_unknown_page_is_404_and_a_wrong_method_405(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/nothing/here")
    assert (page.status, page.heading) == (404, "There is no such page")
    async with browser.session.delete(browser.origin + "/signup") as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}
        assert "That cannot be done here" in await answer.text()


PAGES = ["/", "/plans", "/terms", "/signup", "/pay", "/status", "/signup/cancelled", "/claim", "/nothing"]
PAGES += ["/sign-in", "/sign-in/sent", "/sign-in/link", "/account", "/account/1"]


@pytest.mark.parametrize("path", PAGES)
async def test_every_answer_carries_the_policies(site: RunningSite, browser: Browser, path: str) -> None:
    await browser.sign_up()
    page = await browser.get(path)
    policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
    stripe = " https://js.stripe.test" if path == "/pay" else ""
    places = " https://js.stripe.test https://checkout.stripe.test" if path == "/pay" else ""
    away = " https://billing.stripe.test" if path == "/account/1" else places
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'self'{stripe}"
    assert policy["form-action"] == f"'self'{away}"
    assert policy["frame-src"] == (places.strip() or "'none'")
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Referrer-Policy" in page.headers
    assert "aiohttp" not in page.headers["Server"]


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_holds_a_script_a_style_or_a_thing_of_others(
    site: RunningSite, browser: Browser, path: str
) -> None:
    await browser.sign_up()
    text = (await browser.get(path)).text
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    sources = re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', text)
    assert {source for source in sources if not source.startswith("/static/")} <= {
        "https://js.stripe.test/dahlia/stripe.js"
    }


async def test_static_files_are_kept_for_ever_under_names_that_change(site: RunningSite, browser: Browser) -> None:
    text = (await browser.get("/")).text
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert names
    for name in set(names):
        assert re.search(r"\?v=[\w=%-]+$", name)
        page = await browser.get(name.replace("%3D", "="))
        assert page.status == 200
        assert page.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await browser.get("/static/../settings.py")).status == 404
    assert (await browser.get("/static/%2e%2e/settings.py")).status in {403, 404}
    assert (await browser.get("/static/none.css")).status == 404


async def test_the_cookie_is_random_hidden_from_scripts_and_kept_as_a_hash(site: RunningSite, browser: Browser) -> None:
    cookie = (await browser.get("/signup")).headers["Set-Cookie"]
    assert re.match(r"s4=[\w-]{43}; HttpOnly; Max-Age=7776000; Path=/; SameSite=Lax$", cookie)
    await browser.sign_up()
    stored = await site.pool.fetchval("SELECT encode(browser, 'escape') || encode(browser, 'hex') FROM signups")
    assert cookie[3:46] not in stored
    assert "Set-Cookie" not in (await browser.get("/signup")).headers


async def test_over_https_the_cookie_is_bound_to_the_host_and_the_browser_to_https(web_database: str) -> None:
    async with (
        running_site(web_database) as site,
        site.replica(public_url="https://s4.example.com") as origin,
        site.browser(origin) as browser,
    ):
        page = await browser.get("/signup")
    assert page.headers["Set-Cookie"].startswith("__Host-s4=")
    assert "; Secure" in page.headers["Set-Cookie"]
    assert "max-age" in page.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43 + "!", "a" * 4000, "../../etc/passwd"])
async def test_a_cookie_that_we_did_not_make_is_no_cookie(site: RunningSite, browser: Browser, cookie: str) -> None:
    async with browser.session.get(browser.origin + "/status", headers={"Cookie": f"s4={cookie}"}) as answer:
        assert answer.status == 404


async def test_signups_are_limited_for_each_address_across_replicas(web_database: str) -> None:
    async with running_site(web_database, signups_per_address=2) as site:
        statuses = []
        for number in range(4):
            async with site.browser() as browser:
                statuses.append((await browser.sign_up(f"p{number}@example.com")).status)
        assert statuses == [303, 303, 429, 429]
        assert await site.count("signups") == 2
        await site.later(hours=1)
        async with site.browser() as browser:
            assert (await browser.sign_up()).status == 303
        kept = await site.pool.fetch("SELECT subject FROM counters")
        assert all("127.0.0.1" not in row["subject"] and "example" not in row["subject"] for row in kept)


async def test_signups_are_limited_for_each_mail_address_whatever_its_case(web_database: str) -> None:
    async with running_site(web_database, signups_per_email=1) as site:
        statuses = []
        for email in ("ada@example.com", "ADA@Example.com", "bob@example.com"):
            async with site.browser() as browser:
                page = await browser.sign_up(email)
                statuses.append(page.status)
        assert statuses == [303, 429, 303]


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(web_database: str) -> None:
    async def from_addresses(site: RunningSite) -> list[int]:
        statuses = []
        for number in range(2):
            async with site.browser() as browser:
                form = {**FORM, "csrf": await browser.csrf()}
                headers = {"X-Forwarded-For": f"203.0.113.{number}"}
                statuses.append((await browser.post("/signup", form, headers=headers)).status)
        return statuses

    async with running_site(web_database, signups_per_address=1) as site:
        assert await from_addresses(site) == [303, 429]
    async with running_site(web_database, signups_per_address=1, trusted_proxies=["127.0.0.0/8"]) as site:
        assert await from_addresses(site) == [303, 303]


async def test_the_log_has_the_routes_and_no_query(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    await browser.get("/claim?token=very-secret-thing")
    await browser.get("/signup/return?session_id=cs_test_very_secret")
    await browser.get("/nothing/very-secret")
    logged = capsys.readouterr().out
    assert "route=/claim" in logged
    assert "very-secret" not in logged
    assert "very_secret" not in logged


async def test_with_the_database_away_every_page_that_needs_it_is_503(
    site: RunningSite, browser: Browser, web_database: str
) -> None:
    await browser.sign_up()
    await site.pool._pool.close()  # the pool's own end stands for the database's
    page = await browser.get("/status")
    assert (page.status, page.heading) == (503, "We are not quite here right now")
    assert (await browser.get("/")).status == 200


async def test_a_program_gets_a_code_instead_of_a_page(site: RunningSite, browser: Browser) -> None:
    async with browser.session.get(browser.origin + "/status", headers={"Accept": "application/json"}) as answer:
        assert (answer.status, await answer.json()) == (404, {"code": "no-signup"})


async def test_many_people_at_once_do_not_meet(site: RunningSite) -> None:
    async def person(number: int) -> str:
        async with site.browser() as browser:
            await browser.sign_up(f"person{number}@example.com")
            text = (await browser.get("/pay")).text
            return str(re.findall(r"person\d+@example\.com", text)[0])

    found = await asyncio.gather(*(person(number) for number in range(12)))
    assert found == [f"person{number}@example.com" for number in range(12)]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"claim_public_key": "nonsense"}, "claim-public-key-unusable"),
        ({"trusted_proxies": ["everybody"]}, "trusted-proxies-unusable"),
    ],
)
async def test_a_setting_that_cannot_be_used_stops_the_start(
    site: RunningSite, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(Exception, match=code):
        async with site.replica(**changed):
            pass

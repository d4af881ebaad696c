"""Signing in by a mailed link: nobody learns who is known, and a link opens the door once."""

import asyncio
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_contracts.web import SignInRequested
from s4_runtime import new_id
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite, running_site


async def ask(browser: Browser, email: str) -> Page:
    csrf = (await browser.get("/sign-in")).value("csrf")
    return await browser.post("/sign-in", {"csrf": csrf, "email": email})


async def a_customer(site: RunningSite, email: str = "ada@example.com") -> Buyer:
    """Somebody who has paid, in a browser of their own."""
    async with site.browser() as browser:
        await browser.sign_up(email)
    buyer = await site.buyer()
    await site.hears(buyer.paid(email=email))
    buyer.has_account()
    return buyer


async def test_a_known_address_is_sent_a_link_for_its_latest_account(site: RunningSite, browser: Browser) -> None:
    await a_customer(site)
    await site.later(hours=1)
    latest = await a_customer(site, "ADA@example.com")
    sent = await ask(browser, " ada@EXAMPLE.com ")
    assert (sent.status, sent.place) == (303, "/sign-in/sent")
    (asked,) = await site.emitted()
    assert isinstance(asked, SignInRequested)
    assert asked.account_id == latest.account_id


async def test_an_unknown_address_gets_the_same_answer_and_no_letter(site: RunningSite, browser: Browser) -> None:
    await a_customer(site)
    known, unknown = await ask(browser, "ada@example.com"), await ask(browser, "eve@example.com")
    assert (known.status, known.place, known.text) == (unknown.status, unknown.place, unknown.text)
    page = await browser.get("/sign-in/sent")
    assert (page.status, page.heading) == (200, "Look into your mail")
    assert "letters@s4.example.com" in page.text
    assert len(await site.emitted()) == 1


async def test_an_address_that_was_typed_but_never_paid_for_is_not_known(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up("ada@example.com")
    assert (await ask(browser, "ada@example.com")).status == 303
    assert await site.emitted() == []


async def test_a_double_click_asks_for_one_letter(site: RunningSite, browser: Browser) -> None:
    await a_customer(site)
    for _ in range(2):
        await ask(browser, "ada@example.com")
    assert len(await site.emitted()) == 1


async def test_what_is_no_address_is_said_beside_the_field(site: RunningSite, browser: Browser) -> None:
    for email in ("", "ada", "ada@", "a@b@c.example", "<b>@example.com", "x" * 300 + "@example.com"):
        page = await ask(browser, email)
        assert (page.status, page.value("email")) == (422, email)
        assert "such as name@example.com" in page.text
        assert "<b>@" not in page.text
    assert await site.emitted() == []


async def test_links_are_limited_for_each_address_known_or_not(web_database: str) -> None:
    async with running_site(web_database, sign_ins_per_email=2) as site, site.browser() as browser:
        await a_customer(site)
        for email in ("ada@example.com", "eve@example.com"):
            pages = [await ask(browser, email) for _ in range(3)]
            assert [page.status for page in pages] == [303, 303, 429]
            assert pages[-1].heading == "That was a lot of links"
        await site.later(hours=1)
        assert (await ask(browser, "ada@example.com")).status == 303


async def test_links_are_limited_for_each_place_they_are_asked_from(web_database: str) -> None:
    async with running_site(web_database, sign_ins_per_address=3) as site, site.browser() as browser:
        await a_customer(site)
        statuses = [(await ask(browser, f"p{number}@example.com")).status for number in range(3)]
        assert [*statuses, (await ask(browser, "ada@example.com")).status] == [303, 303, 303, 429]
        assert await site.emitted() == []


async def test_looking_at_a_link_signs_nobody_in(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    for _ in range(3):
        page = await browser.get("/sign-in/link", params={"token": token})
        assert (page.status, page.heading) == (200, "Sign in to your account")
        assert page.element("address") == "a•••@example.com"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "s4-in" not in str(page.headers.getall("Set-Cookie", []))
    assert await site.count("sessions") == 0
    assert (await site.signs_in(browser, buyer, token)).place == "/account"


async def test_the_button_signs_in_with_a_hidden_random_cookie(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    entered = await site.signs_in(browser, buyer)
    cookie = entered.headers["Set-Cookie"]
    assert re.match(r"s4-in=[\w-]{43}; HttpOnly; Max-Age=2592000; Path=/; SameSite=Lax$", cookie)
    kept = await site.pool.fetchval("SELECT encode(session, 'escape') || encode(session, 'hex') FROM sessions")
    assert cookie[6:49] not in kept
    assert "Your account</a>" in (await browser.get("/")).text


async def test_over_https_the_session_is_bound_to_the_host(web_database: str) -> None:
    async with running_site(web_database) as site:
        buyer = await a_customer(site)
        async with site.replica(public_url="https://s4.example.com") as origin, site.browser(origin) as browser:
            page = await browser.get("/sign-in/link", params={"token": buyer.sign_in_link()})
            cookie = page.headers["Set-Cookie"].partition(";")[0]
            form = {"csrf": page.value("csrf"), "token": page.value("token")}
            headers = {"Cookie": cookie, "Origin": "https://s4.example.com"}
            entered = await browser.post("/sign-in/link", form, headers=headers)
    assert entered.headers["Set-Cookie"].startswith("__Host-s4-in=")
    assert "; Secure" in entered.headers["Set-Cookie"]


async def test_a_used_link_is_gone_for_others_and_says_where_to_get_one(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    async with site.browser() as other:
        seen = await other.get("/sign-in/link", params={"token": token})
        await site.signs_in(browser, buyer, token)
        posted = await other.post("/sign-in/link", {"csrf": seen.value("csrf"), "token": token})
        for page in (posted, await other.get("/sign-in/link", params={"token": token})):
            assert (page.status, page.heading) == (410, "This link was used already")
            assert 'href="/sign-in"' in page.text
        assert (await other.get("/account")).place == "/sign-in?first=yes"


async def test_of_two_browsers_at_once_one_is_signed_in(site: RunningSite) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    async with site.browser() as one, site.browser() as two:
        pages = await asyncio.gather(site.signs_in(one, buyer, token), site.signs_in(two, buyer, token))
    assert sorted(page.status for page in pages) == [303, 410]
    assert await site.count("sessions") == 1


async def test_a_second_click_whose_first_answer_was_lost_signs_in_for_a_minute(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    page = await browser.get("/sign-in/link", params={"token": token})
    form = {"csrf": page.value("csrf"), "token": token}
    assert [(await browser.post("/sign-in/link", form)).status for _ in range(2)] == [303, 303]
    assert (await browser.get("/account")).place == f"/account/{buyer.account_id}"
    await site.later(minutes=1.1)
    assert (await browser.post("/sign-in/link", form)).status == 410


async def test_the_way_back_in_ends_with_signing_out(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    await site.signs_in(browser, buyer, token)
    form = {"csrf": (await browser.get("/sign-in")).value("csrf"), "token": token}
    out = await browser.post("/sign-out", form)
    assert (out.status, out.place) == (303, "/")
    assert await site.count("sessions") == 0
    assert (await browser.post("/sign-in/link", form)).status == 410
    assert (await browser.get("/account")).place == "/sign-in?first=yes"
    assert "Sign in</a>" in (await browser.get("/")).text


async def test_a_stolen_cookie_is_worth_nothing_after_signing_out(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    cookie = (await site.signs_in(browser, buyer)).headers["Set-Cookie"].partition(";")[0]
    await browser.post("/sign-out", {"csrf": await browser.csrf()})
    async with site.browser() as thief:
        page = await thief.get("/account", headers={"Cookie": cookie})
        assert page.place == "/sign-in?first=yes"


async def test_an_expired_link_says_so(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    page = await browser.get("/sign-in/link", params={"token": token})
    await site.later(minutes=30)
    posted = await browser.post("/sign-in/link", {"csrf": page.value("csrf"), "token": token})
    for seen in (posted, await browser.get("/sign-in/link", params={"token": token})):
        assert (seen.status, seen.heading) == (410, "This link has expired")
    assert await site.count("sessions") == 0


async def test_a_session_ends_after_thirty_days(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    await site.signs_in(browser, buyer)
    await site.later(days=29.9)
    assert (await browser.get("/account")).place == f"/account/{buyer.account_id}"
    await site.later(days=0.2)
    page = await browser.get("/account")
    assert page.place == "/sign-in?first=yes"
    assert "Max-Age=0" in page.headers["Set-Cookie"]
    assert "Please sign in to see your account" in (await browser.get(page.place)).text


async def test_a_link_that_the_notifier_did_not_make_is_404(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    good = buyer.sign_in_link()
    csrf = (await browser.get("/sign-in/link", params={"token": good})).value("csrf")
    forged = {
        "empty": "",
        "cut": good[: len(good) // 2],
        "another key": buyer.sign_in_link(Ed25519PrivateKey.generate()),
        "a link to a furl": buyer.link(),
        "no audience": buyer.sign_in_link(aud=None),
        "another issuer": buyer.sign_in_link(iss="s4-web"),
        "no end": buyer.sign_in_link(exp=None),
        "a letter that is no id": buyer.sign_in_link(jti="1"),
        "an account that nobody has": buyer.sign_in_link(sub=new_id()),
        "an account that climbs": buyer.sign_in_link(sub="../plans"),
        "long": good + "A" * 5000,
    }
    for name, token in forged.items():
        seen = await browser.get("/sign-in/link", params={"token": token})
        posted = await browser.post("/sign-in/link", {"csrf": csrf, "token": token})
        assert (name, seen.status, posted.status) == (name, 404, 404)
        assert seen.heading == "This link is not one of ours"
    assert await site.count("sessions") == 0


async def test_a_link_for_signing_in_opens_no_furl(site: RunningSite, browser: Browser) -> None:
    buyer = await site.an_owner(browser)
    assert (await browser.get("/claim", params={"token": buyer.sign_in_link(grid=buyer.grid_id)})).status == 404


async def test_a_planted_session_cookie_is_not_taken_over(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    planted = "A" * 43
    page = await browser.get("/sign-in/link", params={"token": buyer.sign_in_link()})
    browser.session.cookie_jar.update_cookies({"s4-in": planted}, page.url)
    entered = await browser.post("/sign-in/link", {"csrf": page.value("csrf"), "token": page.value("token")})
    assert entered.status == 303
    async with site.browser() as thief:
        assert (await thief.get("/account", headers={"Cookie": f"s4-in={planted}"})).place == "/sign-in?first=yes"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/link", "/sign-in/again", "/sign-out"])
async def test_every_form_wants_the_token(site: RunningSite, browser: Browser, path: str) -> None:
    buyer = await site.a_member(browser)
    form = {"email": "ada@example.com", "token": buyer.sign_in_link()}
    assert (await browser.post(path, form)).status == 403
    assert await site.count("sessions") == 1
    assert [event for event in await site.emitted() if isinstance(event, SignInRequested)] == []


async def test_no_link_and_no_address_is_logged_or_stored(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await a_customer(site)
    token = buyer.sign_in_link()
    await ask(browser, "ada@example.com")
    entered = await site.signs_in(browser, buyer, token)
    cookie = entered.headers["Set-Cookie"][6:49]
    logged = capsys.readouterr()
    kept = ""
    for table in ("outbox", "sessions", "claims", "counters", "standings"):
        rows = await site.pool.fetch(f"SELECT t::text AS row FROM {table} t")  # noqa: S608  our own tables
        kept += "".join(row["row"] for row in rows)
    assert "/sign-in/link" in logged.out
    for secret in (token, token.split(".")[2], cookie, "ada@example.com"):
        assert secret not in logged.out + logged.err + kept


async def test_old_sessions_are_forgotten_when_somebody_signs_in(site: RunningSite, browser: Browser) -> None:
    buyer = await a_customer(site)
    for _ in range(2):
        async with site.browser() as other:
            await site.signs_in(other, buyer)
    await site.clock.advance(timedelta(days=31))
    await site.signs_in(browser, buyer)
    assert await site.count("sessions") == 1

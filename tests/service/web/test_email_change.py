"""Another address: nothing happens before both addresses have said so, and nobody gets what was not theirs."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_contracts.web import EmailChanged, EmailChangeRequested, SignInRequested
from s4_runtime import derived_id, new_id
from support.web_changes import NEW, another_grid, answers, asks, email_link, moves, requests, send, told
from support.web_peers import Browser
from support.web_site import Buyer, RunningSite, running_site


async def address_of(site: RunningSite, buyer: Buyer) -> str:
    return str(await site.pool.fetchval("SELECT email FROM accounts WHERE account_id = $1", buyer.account_id))


async def test_asking_tells_who_wants_what_and_changes_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    form = await browser.get(f"/account/{buyer.account_id}/email")
    assert (form.status, form.heading) == (200, "Change your address")
    assert "24 hours" in form.text
    await asks(site, browser, buyer, "Ada@New.Example.COM")
    (asked,) = await told(site, EmailChangeRequested)
    assert (asked.account_id, asked.accounts) == (buyer.account_id, [buyer.account_id])
    assert (asked.email, [asked.request_id]) == ("Ada@new.example.com", await requests(site))
    page = await browser.get(f"/account/{buyer.account_id}/email")
    assert page.text.count("not confirmed yet") == 2
    assert "2 March 2026, 12:00 UTC" in page.text
    assert await address_of(site, buyer) == "ada@example.com"
    assert "waits for confirmation" in (await browser.get(f"/account/{buyer.account_id}")).text


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
async def test_with_the_second_yes_every_account_moves_and_everybody_signs_in_anew(
    site: RunningSite, browser: Browser, order: tuple[str, str]
) -> None:
    first = await another_grid(site)
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    (asked,) = await told(site, EmailChangeRequested)
    assert asked.accounts == [buyer.account_id, first.account_id]
    async with site.browser() as one, site.browser() as other:
        page = await answers(one, await email_link(site, buyer, order[0]))
        assert (page.status, page.heading) == (200, "This address has confirmed it")
        assert await told(site, EmailChanged) == []
        assert (await browser.get(f"/account/{buyer.account_id}/email")).text.count("not confirmed yet") == 1
        page = await answers(other, await email_link(site, buyer, order[1]))
        assert (page.status, page.heading) == (200, "The address is changed")
    changed = await told(site, EmailChanged)
    assert {event.account_id for event in changed} == {buyer.account_id, first.account_id}
    assert {(event.email, event.request_id) for event in changed} == {(NEW, asked.request_id)}
    assert await address_of(site, buyer) == await address_of(site, first) == NEW
    assert (await browser.get("/account")).place == "/sign-in?first=yes"
    assert (await site.signs_in(browser, buyer)).status == 303
    assert f"Signed in as {NEW}" in (await browser.get(f"/account/{first.account_id}")).text


async def test_looking_at_the_link_confirms_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    async with site.browser() as scanner:
        for side in ("old", "new"):
            for _ in range(2):
                page = await scanner.get("/email/confirm", params={"token": await email_link(site, buyer, side)})
                assert (page.status, page.heading) == (200, "Is this change of address yours?")
                assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert (await browser.get(f"/account/{buyer.account_id}/email")).text.count("not confirmed yet") == 2
    assert await told(site, EmailChanged) == []


async def test_the_new_address_learns_no_more_of_the_old_one_than_it_needs(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    async with site.browser() as stranger:
        page = await stranger.get("/email/confirm", params={"token": await email_link(site, buyer, "new")})
    assert "ada@example.com" not in page.text
    assert "a•••@example.com" in page.text


async def test_one_address_alone_changes_nothing_however_often_it_says_yes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    for side in ("new", "new", "new"):
        async with site.browser() as mailbox:
            page = await answers(mailbox, await email_link(site, buyer, side))
            assert page.heading == "This address has confirmed it"
    assert await address_of(site, buyer) == "ada@example.com"


async def test_saying_yes_twice_or_at_once_moves_once(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    tokens = [await email_link(site, buyer, side) for side in ("old", "new", "old", "new")]
    async with site.browser() as a, site.browser() as b, site.browser() as c, site.browser() as d:
        people = [a, b, c, d]
        await asyncio.gather(*(answers(each, token) for each, token in zip(people, tokens, strict=True)))
        again = await answers(a, tokens[1])
    assert again.heading == "The address is changed"
    assert len(await told(site, EmailChanged)) == 1


async def test_who_says_that_it_was_not_them_stops_it_and_signs_everybody_out(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    async with site.browser() as mailbox:
        await answers(mailbox, await email_link(site, buyer, "new"))
        page = await answers(mailbox, await email_link(site, buyer, "old"), "refuse")
        assert (page.status, page.heading) == (200, "Nothing is changed")
        late = await answers(mailbox, await email_link(site, buyer, "old"))
        assert (late.status, late.heading) == (410, "Nothing is changed")
    assert (await browser.get("/account")).place == "/sign-in?first=yes"
    assert await told(site, EmailChanged) == []
    await site.signs_in(browser, buyer)
    assert (await browser.get(f"/account/{buyer.account_id}/email")).value("email") == ""


async def test_a_stranger_at_the_new_address_can_stop_it_but_sign_nobody_out(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    async with site.browser() as mailbox:
        page = await answers(mailbox, await email_link(site, buyer, "new"), "refuse")
    assert page.heading == "Nothing is changed"
    assert (await browser.get(f"/account/{buyer.account_id}")).status == 200


async def test_a_withdrawn_change_cannot_be_confirmed_and_another_can_be_asked_for(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    tokens = [await email_link(site, buyer, side) for side in ("old", "new")]
    await send(browser, buyer, "email/withdraw")
    sent = await send(browser, buyer, "email/withdraw")
    assert sent.place == f"/account/{buyer.account_id}?done=email-withdrawn#settings-title"
    assert "Your address stays as it is" in (await browser.get(sent.place)).text
    for token in tokens:
        page = await answers(browser, token)
        assert (page.status, page.heading) == (410, "This link is over")
    await asks(site, browser, buyer, "ada@other.example.com")
    assert [event.email for event in await told(site, EmailChangeRequested)] == [NEW, "ada@other.example.com"]
    assert await told(site, EmailChanged) == []


async def test_a_change_that_is_not_confirmed_in_time_is_over(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    tokens = [await email_link(site, buyer, side) for side in ("old", "new")]
    assert (await answers(browser, tokens[0])).status == 200
    await site.later(hours=24)
    page = await answers(browser, tokens[1])
    assert (page.status, page.heading) == (410, "This link is over")
    assert await told(site, EmailChanged) == []
    await site.signs_in(browser, buyer)
    await asks(site, browser, buyer)
    assert len(await requests(site)) == 2


async def test_what_came_to_nothing_is_forgotten_and_what_was_done_is_not(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await moves(site, browser, buyer, "ada@second.example.com")
    await site.signs_in(browser, buyer)
    await asks(site, browser, buyer)
    await site.later(days=32)
    await site.signs_in(browser, buyer)
    await asks(site, browser, buyer)
    rows = await site.pool.fetch("SELECT new_email, state FROM email_changes ORDER BY asked_at")
    assert [tuple(row) for row in rows] == [("ada@second.example.com", "done"), (NEW, "open")]


async def test_a_letter_that_ends_before_the_change_does_confirms_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    token = await email_link(site, buyer, "old", exp=int(site.clock.now().timestamp()))
    csrf = await browser.csrf()
    page = await browser.post("/email/confirm", {"csrf": csrf, "token": token, "answer": "confirm"})
    assert (page.status, page.heading) == (410, "This link is over")
    assert "not confirmed yet" in (await browser.get(f"/account/{buyer.account_id}/email")).text


async def test_the_same_wish_twice_is_one_and_another_has_to_wait(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asyncio.gather(*(asks(site, browser, buyer) for _ in range(3)))
    assert len(await told(site, EmailChangeRequested)) == 1
    page = await send(browser, buyer, "email", email="eve@evil.example")
    assert (page.status, page.heading) == (409, "Another change of your address waits already")
    assert len(await requests(site)) == 1


FORGED: list[dict[str, Any]] = [
    {"aud": "s4-web"},
    {"aud": "s4-web-sign-in"},
    {"iss": "somebody"},
    {"side": "both"},
    {"side": None},
    {"rid": None},
    {"rid": "1"},
    {"exp": None},
    {"rid": "0193d5a0-0000-7000-8000-000000000000"},
    {"sub": "0193d5a0-0000-7000-8000-000000000000"},
]


async def test_a_link_that_we_did_not_make_for_this_is_404(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    tokens = [await email_link(site, buyer, **{"side": "old", **claims}) for claims in FORGED]
    tokens += ["", "x", "a.b.c", "A" * 5000, buyer.sign_in_link(), buyer.link()]
    tokens.append(await email_link(site, buyer, "old", key=Ed25519PrivateKey.generate()))
    for token in tokens:
        page = await browser.get("/email/confirm", params={"token": token})
        assert (page.status, page.heading) == (404, "This link is not one of ours"), token
        form = {"csrf": await browser.csrf(), "token": token, "answer": "confirm"}
        assert (await browser.post("/email/confirm", form)).status == 404
    assert await told(site, EmailChanged) == []


async def test_a_link_for_changing_the_address_signs_nobody_in_and_shows_no_furl(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    token = await email_link(site, buyer, "old", grid=buyer.grid_id, ref=buyer.claim_ref)
    assert (await browser.get("/sign-in/link", params={"token": token})).status == 404
    assert (await browser.get("/claim", params={"token": token})).status == 404


async def test_the_answer_is_one_of_two_and_comes_from_our_page(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    form = {"csrf": await browser.csrf(), "token": await email_link(site, buyer, "old")}
    for answer in ("", "yes", "CONFIRM"):
        assert (await browser.post("/email/confirm", {**form, "answer": answer})).status == 400
    assert (await browser.post("/email/confirm", {**form, "csrf": "", "answer": "confirm"})).status == 403
    headers = {"Origin": "https://evil.example"}
    assert (await browser.post("/email/confirm", {**form, "answer": "confirm"}, headers=headers)).status == 403
    assert (await browser.get(f"/account/{buyer.account_id}/email")).text.count("not confirmed yet") == 2


@pytest.mark.parametrize("email", ["", "ada", "ada@example", "ada@exa mple.com", "@example.com", "a" * 300 + "@b.com"])
async def test_an_address_to_which_no_letter_goes_is_refused(site: RunningSite, browser: Browser, email: str) -> None:
    buyer = await site.a_member(browser)
    page = await send(browser, buyer, "email", email=email)
    assert (page.status, page.value("email")) == (422, email)
    assert await requests(site) == []


async def test_ones_own_address_is_no_change(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await send(browser, buyer, "email", email="ADA@example.com")
    assert (page.status, "the address that you have already" in page.text) == (422, True)
    assert await told(site, EmailChangeRequested) == []


async def test_an_address_with_accounts_gets_the_same_answers_as_one_without(
    site: RunningSite, browser: Browser
) -> None:
    async def said(email: str) -> list[str]:
        await asks(site, browser, buyer, email)
        page = await browser.get(f"/account/{buyer.account_id}/email")
        texts = [re.sub(r'(csrf" value=|\?v=)\S+', "", page.text.replace(email, "X"))]
        for side in ("old", "new"):
            page = await browser.get("/email/confirm", params={"token": await email_link(site, buyer, side)})
            texts.append(re.sub(r'(value="|\?v=)\S+', "", page.text.replace(email, "X")))
        await send(browser, buyer, "email/withdraw")
        return texts

    await another_grid(site, "bob@example.org")
    buyer = await site.a_member(browser)
    assert await said("bob@example.org") == await said("nob@example.org")


async def test_accounts_that_come_to_one_address_are_one_persons_and_no_old_session_sees_both(
    site: RunningSite, browser: Browser
) -> None:
    bobs = await another_grid(site, "bob@example.org")
    buyer = await site.a_member(browser)
    unused = buyer.sign_in_link()
    await site.later(minutes=1)
    await moves(site, browser, buyer, "bob@example.org")
    assert (await browser.get(f"/account/{bobs.account_id}")).place == "/sign-in?first=yes"
    page = await site.signs_in(browser, buyer, unused)
    assert (page.status, page.heading) == (404, "This link is not one of ours")
    async with site.browser() as bob:
        await site.signs_in(bob, bobs)
        assert {event.account_id for event in await told(site, EmailChanged)} == {buyer.account_id}
        for each in (buyer, bobs):
            assert (await bob.get(f"/account/{each.account_id}")).status == 200


async def test_a_link_to_the_furl_that_went_to_the_old_address_is_over(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    old = buyer.link()
    await site.later(minutes=1)
    await moves(site, browser, buyer)
    page = await browser.get("/claim", params={"token": old})
    assert (page.status, page.heading) == (410, "This link has expired")
    await site.later(minutes=1)
    assert (await browser.get("/claim", params={"token": buyer.link()})).status == 200


async def test_a_link_that_a_late_notifier_signed_for_the_old_address_opens_nothing(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await moves(site, browser, buyer)
    await site.later(minutes=1)
    old, new = derived_id("address", "ada@example.com"), derived_id("address", NEW)
    page = await site.signs_in(browser, buyer, buyer.sign_in_link(adr=old))
    assert (page.status, page.heading) == (404, "This link is not one of ours")
    assert (await browser.get("/claim", params={"token": buyer.link(adr=old)})).status == 410
    assert (await browser.get("/claim", params={"token": buyer.link(adr=new)})).status == 200
    assert (await site.signs_in(browser, buyer, buyer.sign_in_link(adr=new))).status == 303


async def test_an_old_letter_that_is_sent_again_to_the_new_address_leads_to_the_furl(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    signed_at = int(site.clock.now().timestamp())
    await site.later(minutes=1)
    await moves(site, browser, buyer)
    copy = buyer.link(iat=signed_at, adr=derived_id("address", NEW))
    assert (await browser.get("/claim", params={"token": copy})).status == 200


@pytest.mark.parametrize("side", ["old", "new"])
async def test_only_the_address_that_a_letter_was_for_can_answer_with_its_link(
    site: RunningSite, browser: Browser, side: str
) -> None:
    buyer = await site.a_member(browser)
    await asks(site, browser, buyer)
    for email, status in ((NEW, 404 if side == "old" else 200), ("ada@example.com", 200 if side == "old" else 404)):
        token = await email_link(site, buyer, side, adr=derived_id("address", email))
        assert (await browser.get("/email/confirm", params={"token": token})).status == status


async def test_the_old_address_opens_nothing_and_the_new_one_everything(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await moves(site, browser, buyer)
    for email in ("ada@example.com", NEW):
        await browser.post("/sign-in", {"csrf": await browser.csrf(), "email": email})
    (asked,) = await told(site, SignInRequested)
    assert asked.account_id == buyer.account_id


async def test_what_billing_tells_late_does_not_bring_the_old_address_back(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await moves(site, browser, buyer)
    await site.later(hours=1)
    await site.hears(buyer.paid(email="ada@example.com"))
    assert await address_of(site, buyer) == NEW


async def test_a_change_wants_a_recent_sign_in_and_withdrawing_does_not(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.later(minutes=16)
    for page in (
        await browser.get(f"/account/{buyer.account_id}/email"),
        await send(browser, buyer, "email", email=NEW),
    ):
        assert (page.status, page.heading) == (403, "Please sign in anew")
    assert await requests(site) == []
    assert (await site.signs_in(browser, buyer)).place == f"/account/{buyer.account_id}/email"
    await asks(site, browser, buyer)
    await site.later(minutes=16)
    assert (await browser.get(f"/account/{buyer.account_id}/email")).status == 200
    assert (await send(browser, buyer, "email/withdraw")).status == 303


async def test_nobody_is_written_to_again_and_again(web_database: str) -> None:
    async with running_site(web_database, email_changes_per_person=2) as site, site.browser() as browser:
        buyer = await site.a_member(browser)
        for number in range(2):
            await asks(site, browser, buyer, f"victim{number}@example.org")
            await send(browser, buyer, "email/withdraw")
        page = await send(browser, buyer, "email", email="victim@example.org")
        assert (page.status, page.heading) == (429, "That was a lot of changes")
        assert len(await requests(site)) == 2
        await site.later(hours=1)
        await site.signs_in(browser, buyer)
        await asks(site, browser, buyer)


async def test_anothers_account_is_as_if_there_were_none(site: RunningSite, browser: Browser) -> None:
    bobs = await another_grid(site, "bob@example.org")
    await site.a_member(browser)
    for account_id in (bobs.account_id, new_id(), "1"):
        path = f"/account/{account_id}/email"
        assert (await browser.get(path)).status == 404
        for what in (path, f"{path}/withdraw"):
            assert (await browser.post(what, {"csrf": await browser.csrf(), "email": NEW})).status == 404
    assert await requests(site) == []


async def test_no_address_and_no_link_is_logged(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await site.a_member(browser)
    await moves(site, browser, buyer)
    logged = capsys.readouterr()
    assert "route=/email/confirm" in logged.out
    for secret in (NEW, "token=", buyer.account_id):
        assert secret not in logged.out + logged.err


async def test_how_long_it_waits_is_a_setting(web_database: str) -> None:
    async with running_site(web_database, email_change_open=timedelta(days=2)) as site, site.browser() as browser:
        buyer = await site.a_member(browser)
        assert "48 hours" in (await browser.get(f"/account/{buyer.account_id}/email")).text
        await asks(site, browser, buyer)
        await site.later(hours=47)
        for side in ("old", "new"):
            await answers(browser, await email_link(site, buyer, side))
        assert await address_of(site, buyer) == NEW

"""What people who mean no good, or whose browsers are confused, send; and what they learn by it."""

import pytest

from s4_contracts.web import SignInRequested
from support.web_peers import PREVIEW, Browser
from support.web_site import RunningSite

FORM = {"email": "ada@example.com", "plan": "personal", "terms": "yes"}


@pytest.mark.parametrize("plan", ["personal", "platinum", "", "<b>"])
async def test_a_plan_swapped_in_the_hidden_field_changes_nothing_of_what_was_shown(
    site: RunningSite, browser: Browser, plan: str
) -> None:
    buyer = await site.a_member(browser)
    place = f"/account/{buyer.account_id}/plan"
    shown = await browser.post(f"{place}/preview", {"csrf": await browser.csrf(), "plan": "studio"})
    swapped = {"csrf": shown.value("csrf"), "preview_id": shown.value("preview_id"), "plan": plan}
    await browser.post(place, {**swapped, "amount": "1", "amount_now": "0", "price": "price_free", "quantity": "-1"})
    assert site.billing.bodies(f"/accounts/{buyer.account_id}/plan") == [{"preview_id": PREVIEW["preview_id"]}]


async def test_a_form_from_before_the_cookies_were_cleared_is_403(site: RunningSite, browser: Browser) -> None:
    old = await browser.csrf()
    browser.session.cookie_jar.clear()
    new = await browser.csrf()
    assert (await browser.post("/signup", {**FORM, "csrf": old})).status == 403
    assert await site.count("signups") == 0
    assert (await browser.post("/signup", {**FORM, "csrf": new})).status == 303


async def test_a_form_from_before_the_person_signed_out_is_of_no_use(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await browser.get(f"/account/{buyer.account_id}/cancel")
    form = {name: page.value(name) for name in ("csrf", "request_id")}
    await browser.post("/sign-out", {"csrf": page.value("csrf")})
    late = await browser.post(f"/account/{buyer.account_id}/cancel", {**form, "when": "now"})
    assert (late.status, late.place) == (303, "/sign-in?first=yes")
    assert site.billing.bodies(f"/accounts/{buyer.account_id}/cancel") == []


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM", "eve@example.com"])
async def test_whoever_signs_up_does_not_learn_whose_address_is_known(
    site: RunningSite, browser: Browser, email: str
) -> None:
    await site.a_member(browser)
    async with site.browser() as other:
        sent = await other.sign_up(email)
        assert (sent.status, sent.place) == (303, "/pay")
        assert (await other.get("/status")).state == "waiting-for-payment"
        assert (await other.get("/account")).place == "/sign-in?first=yes"
    assert await site.count("accounts") == 1


async def test_who_buys_again_in_another_case_finds_both_under_one_sign_in(site: RunningSite, browser: Browser) -> None:
    first = await site.a_member(browser)
    async with site.browser() as other:
        await other.sign_up("ADA@Example.com")
        second = await site.buyer()
        await site.hears(second.paid(email="ADA@Example.com"))
        assert (await site.signs_in(other, second)).status == 303
        page = await other.get("/account")
    assert f"/account/{first.account_id}" in page.text
    assert f"/account/{second.account_id}" in page.text


@pytest.mark.parametrize(
    "email",
    [
        "ada@ex\u0430mple.com",  # a Cyrillic a
        "ad\u0430@example.com",
        "ada@example.com\u0338",
        "ada@example\u3002org",
        "ada+@example.com",
        "ada@example.com.",
    ],
)
async def test_an_address_that_only_looks_like_a_known_one_opens_nothing(
    site: RunningSite, browser: Browser, email: str
) -> None:
    await site.a_member(browser)
    before = await site.emitted()
    page = await browser.post("/sign-in", {"csrf": await browser.csrf(), "email": email})
    assert page.status in {303, 422}
    assert await site.emitted() == before


@pytest.mark.parametrize("session_id", ["cs_live_a1B2c3D4e5F6", "cs_test_guessed12345", "cs_" + "a" * 200])
async def test_coming_back_with_a_session_that_is_not_this_signups_is_404(
    site: RunningSite, browser: Browser, session_id: str
) -> None:
    await browser.sign_up()
    signup_id = (await site.buyer()).signup_id
    site.billing.answer_next(f"/checkouts/{signup_id}/sync", 404, {"code": "no-such-checkout"})
    assert (await browser.get(f"/signup/return?session_id={session_id}")).status == 404
    assert (await browser.get("/status")).state == "waiting-for-payment"


async def test_who_lost_the_cookie_while_paying_is_led_to_signing_in_and_has_the_grid(
    site: RunningSite, browser: Browser
) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    browser.session.cookie_jar.clear()
    back = await browser.get("/signup/return?session_id=cs_test_a1B2c3D4")
    assert back.status == 404
    assert 'href="/sign-in"' in back.text
    await buyer.gets_a_grid()
    buyer.has_account()
    assert (await browser.get("/account")).place == "/sign-in?first=yes"
    await browser.post("/sign-in", {"csrf": await browser.csrf(), "email": "ada@example.com"})
    (asked,) = [event for event in await site.emitted() if isinstance(event, SignInRequested)]
    assert asked.account_id == buyer.account_id
    assert (await site.signs_in(browser, buyer)).place == "/account"
    assert (await browser.get(f"/account/{buyer.account_id}")).element("state") == "Active"

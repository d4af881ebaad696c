"""Leaving, staying, paying and Stripe's own pages: asked for once, and every refusal says what to do."""

from datetime import timedelta
from typing import Any

import pytest

from s4_contracts.web import SignInRequested
from s4_runtime import new_id
from support.web_peers import CANNOT, ENDED, Browser, Page
from support.web_site import Buyer, RunningSite, running_site

MEMBER = {**CANNOT, "cancel": True, "change_plan": True}


async def send(browser: Browser, buyer: Buyer, what: str, **form: str) -> Page:
    """The form is sent as the page has it."""
    form = {"csrf": await browser.csrf(), "request_id": new_id(), **form}
    return await browser.post(f"/account/{buyer.account_id}/{what}", form)


def asked(site: RunningSite, buyer: Buyer, what: str) -> list[dict[str, Any]]:
    return site.billing.bodies(f"/accounts/{buyer.account_id}/{what}")


async def test_leaving_shows_both_ways_with_their_dates_and_changes_nothing(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    page = await browser.get(f"/account/{buyer.account_id}/cancel")
    assert (page.status, page.heading) == (200, "Cancel your subscription")
    assert "1 April 2026, 12:00 UTC" in page.text
    assert "kept for 30 days" in page.text
    assert asked(site, buyer, "cancel") == []


async def test_leaving_with_the_period_is_said_and_can_be_taken_back(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    form = await browser.get(f"/account/{buyer.account_id}/cancel")
    sent = await send(browser, buyer, "cancel", when="period_end", request_id=form.value("request_id"))
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}?done=cancelled")
    assert asked(site, buyer, "cancel") == [{"when": "period_end", "request_id": form.value("request_id")}]
    page = await browser.get(sent.place)
    assert "Your subscription is cancelled" in page.text
    assert 'id="resume"' in page.text
    sent = await send(browser, buyer, "resume")
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}?done=resumed")
    assert "Your subscription goes on as before" in (await browser.get(sent.place)).text


async def test_leaving_now_ends_it(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    sent = await send(browser, buyer, "cancel", when="now")
    assert sent.status == 303
    page = await browser.get(sent.place)
    assert page.element("state") == "Ended"
    assert "kept until" in page.text


async def test_a_form_sent_twice_carries_the_same_id_so_that_billing_can_tell(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    page = await browser.get(f"/account/{buyer.account_id}/cancel")
    form = {"csrf": page.value("csrf"), "request_id": page.value("request_id"), "when": "period_end"}
    for _ in range(2):
        assert (await browser.post(f"/account/{buyer.account_id}/cancel", form)).status == 303
    first, second = asked(site, buyer, "cancel")
    assert first == second
    again = await browser.get(f"/account/{buyer.account_id}/cancel")
    assert again.value("request_id") != page.value("request_id")


async def test_leaving_now_wants_a_recent_sign_in_and_then_goes_on_there(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.later(minutes=16)
    page = await send(browser, buyer, "cancel", when="now")
    assert (page.status, page.heading) == (403, "Please sign in anew")
    assert asked(site, buyer, "cancel") == []
    sent = await browser.post("/sign-in/again", {"csrf": page.value("csrf")})
    assert (sent.status, sent.place) == (303, "/sign-in/sent")
    (letter,) = [event for event in await site.emitted() if isinstance(event, SignInRequested)]
    assert letter.account_id == buyer.account_id
    assert (await site.signs_in(browser, buyer)).place == f"/account/{buyer.account_id}/cancel"
    assert (await send(browser, buyer, "cancel", when="now")).status == 303


async def test_leaving_with_the_period_wants_no_recent_sign_in(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.later(days=20)
    assert (await send(browser, buyer, "cancel", when="period_end")).status == 303


async def test_where_one_person_wanted_to_go_another_is_not_led(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.later(minutes=16)
    await send(browser, buyer, "cancel", when="now")
    async with site.browser() as other:
        await other.sign_up("bob@example.com")
    bob = await site.buyer()
    await site.hears(bob.paid(email="bob@example.com"))
    assert (await site.signs_in(browser, bob)).place == "/account"


async def test_leaving_at_no_known_time_is_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for when in ("", "tomorrow", "period_end "):
        page = await send(browser, buyer, "cancel", when=when)
        assert (when, page.status, page.heading) == (when, 422, "Please choose when")
    assert asked(site, buyer, "cancel") == []


@pytest.mark.parametrize("what", ["cancel", "resume", "pay"])
async def test_a_form_without_its_own_id_is_refused(site: RunningSite, browser: Browser, what: str) -> None:
    buyer = await site.a_member(browser)
    for request_id in ("", "1", "../x", "A" * 5000):
        page = await send(browser, buyer, what, when="period_end", request_id=request_id)
        assert (request_id, page.status) == (request_id, 400)
    assert asked(site, buyer, what) == []


@pytest.mark.parametrize("what", ["cancel", "resume", "pay", "portal", "letter", "plan", "plan/preview"])
async def test_every_form_wants_our_token_and_takes_no_field_twice(
    site: RunningSite, browser: Browser, what: str
) -> None:
    buyer = await site.a_member(browser)
    csrf, path = await browser.csrf(), f"/account/{buyer.account_id}/{what}"
    site.billing.calls.clear()
    form = {"request_id": new_id(), "when": "now", "plan": "studio", "preview_id": new_id(), "flow": "home"}
    page = await browser.post(path, form)
    assert (page.status, 'href="/account">Open your account' in page.text) == (403, True)
    assert (await browser.post(path, {**form, "csrf": csrf}, headers={"Origin": "https://evil.example"})).status == 403
    twice = f"csrf={csrf}&when=now&when=period_end&request_id={new_id()}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": browser.origin}
    async with browser.session.post(browser.origin + path, data=twice, headers=headers) as answer:
        assert answer.status == 400
    assert [path for path, _ in site.billing.calls if path.startswith("/accounts")] == []


REFUSALS: list[tuple[str, tuple[int, object], str]] = [
    ("cancel", (409, {"code": "already-ended"}), "Your subscription has ended already"),
    ("cancel", (409, {"code": "not-subscribed"}), "There is no subscription to change"),
    ("resume", (409, {"code": "not-cancelled"}), "Your subscription goes on already"),
    ("pay", (409, {"code": "nothing-due"}), "There is nothing to pay"),
    ("pay", (402, {"code": "card-declined", "reason": "declined"}), "Your card was declined"),
    ("pay", (402, {"code": "card-declined", "reason": "funds"}), "There is not enough money on your card"),
    ("pay", (402, {"code": "card-declined", "reason": "expired"}), "Your card has expired"),
    ("pay", (402, {"code": "card-declined", "reason": "something-new"}), "Your card was declined"),
    (
        "pay",
        (402, {"code": "card-declined", "reason": "confirm", "url": None}),
        "Your bank wants you to confirm this payment",
    ),
    (
        "pay",
        (402, {"code": "card-declined", "reason": "confirm", "url": "https://evil.example/"}),
        "Your bank wants you to confirm this payment",
    ),
    ("pay", (429, {"code": "payment-service-busy"}), "One moment, please"),
    ("cancel", (503, {"code": "payment-service-unavailable"}), "We do not know yet whether that was done"),
    ("cancel", (500, {"code": "internal-error"}), "We do not know yet whether that was done"),
    ("cancel", (200, {"state": 7}), "We do not know yet whether that was done"),
    ("cancel", (404, {"code": "no-such-account"}), "Billing does not know this account yet"),
]


async def test_what_billing_refuses_is_told_with_what_to_do(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for what, answer, heading in REFUSALS:
        site.billing.answer_next(f"/accounts/{buyer.account_id}/{what}", *answer)
        page = await send(browser, buyer, what, when="period_end")
        assert page.heading == heading
        assert page.status == (503 if "do not know" in heading else answer[0])
        assert 'href="/account"' in page.text
        assert "evil" not in page.text


async def test_a_payment_to_be_confirmed_leads_to_stripes_page(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    place = "https://billing.stripe.test/i/confirm"
    refusal = {"code": "card-declined", "reason": "confirm", "url": place}
    site.billing.answer_next(f"/accounts/{buyer.account_id}/pay", 402, refusal)
    page = await send(browser, buyer, "pay")
    assert (page.status, page.heading) == (402, "Please confirm the payment")
    assert f'href="{place}"' in page.text


async def test_a_subscription_that_is_over_offers_nothing_to_cancel(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser, state="ended", ended=ENDED, can=CANNOT)
    page = await browser.get(f"/account/{buyer.account_id}/cancel")
    assert (page.status, page.heading) == (409, "Your subscription has ended already")
    assert "Cancel my subscription" not in (await browser.get(f"/account/{buyer.account_id}")).text


async def test_who_leaves_already_may_still_leave_at_once(site: RunningSite, browser: Browser) -> None:
    leaving = {"cancel_at": "2026-04-01T12:00:00Z", "next": None, "can": {**CANNOT, "resume": True}}
    buyer = await site.a_member(browser, **leaving)
    page = await browser.get(f"/account/{buyer.account_id}/cancel")
    assert page.status == 200
    assert 'value="period_end"' not in page.text
    assert 'value="now"' in page.text


async def test_what_is_stripes_is_reached_through_the_portal(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for flow in ("home", "card"):
        sent = await send(browser, buyer, "portal", flow=flow)
        assert (sent.status, sent.place) == (303, site.billing.portal_url)
    assert [body["flow"] for body in asked(site, buyer, "portal")] == ["home", "card"]
    page = await browser.get(f"/account/{buyer.account_id}")
    assert "form-action 'self' https://billing.stripe.test;" in page.headers["Content-Security-Policy"]
    assert site.billing.portal_url not in page.text


async def test_nobody_is_sent_to_a_page_that_is_not_stripes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for url in (
        "https://billing.stripe.test.evil.example/p",
        "http://billing.stripe.test/p",
        "javascript:alert(1)",
        "//billing.stripe.test/p",
        "",
    ):
        site.billing.portal_url = url
        page = await send(browser, buyer, "portal", flow="home")
        assert (url, page.status, page.place) == (url, 503, "")


async def test_a_way_through_the_portal_that_there_is_not_is_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert (await send(browser, buyer, "portal", flow="../..")).status == 400
    assert asked(site, buyer, "portal") == []


async def test_while_billing_is_silent_nothing_is_offered_that_it_must_do(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    site.billing.is_down = True
    for path in ("cancel", "plan"):
        page = await browser.get(f"/account/{buyer.account_id}/{path}")
        assert (page.status, page.heading) == (503, "Payments are not available right now")
    page = await send(browser, buyer, "cancel", when="period_end")
    assert (page.status, page.heading) == (503, "We do not know yet whether that was done")


async def test_the_portals_address_is_never_logged(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await site.a_member(browser)
    await send(browser, buyer, "portal", flow="card")
    logged = capsys.readouterr()
    assert "/account/{account_id}/portal" in logged.out
    for secret in (site.billing.portal_url, buyer.account_id):
        assert secret not in logged.out + logged.err


async def test_recent_is_as_long_as_the_setting_says(web_database: str) -> None:
    async with running_site(web_database, recent_sign_in=timedelta(hours=2)) as site, site.browser() as browser:
        buyer = await site.a_member(browser)
        await site.later(minutes=119)
        assert (await send(browser, buyer, "cancel", when="now")).status == 303

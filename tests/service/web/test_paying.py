"""The payment page: embedded, hosted, back, left."""

import re

import pytest

from support.web_peers import Browser
from support.web_site import RunningSite

JSON = {"Accept": "application/json", "Content-Type": "application/json"}


async def session(browser: Browser, csrf: str) -> tuple[int, dict[str, str]]:
    headers = {**JSON, "X-CSRF-Token": csrf, "Origin": browser.origin}
    async with browser.session.post(browser.origin + "/pay/session", data=b"{}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_the_embedded_page_gets_its_secret_for_our_own_signup_id(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up("ada@example.com", "studio")
    status, said = await session(browser, await browser.csrf())
    assert (status, said) == (200, {"client_secret": "cs_test_1_secret_2"})
    buyer = await site.buyer()
    (asked,) = site.billing.bodies("/checkouts")
    assert re.fullmatch(r"[0-9a-f]{64}", asked.pop("ip_hash"))
    assert asked == (
        {
            "checkout_id": buyer.signup_id,
            "account_id": buyer.account_id,
            "plan": "studio",
            "email": "ada@example.com",
            "ui": "embedded",
            "locale": "en",
        }
    )


async def test_the_payment_page_names_stripe_js_and_has_the_hosted_way_beside_it(
    site: RunningSite, browser: Browser
) -> None:
    await browser.sign_up()
    page = await browser.get("/pay")
    assert '<script src="https://js.stripe.test/dahlia/stripe.js" defer>' in page.text
    assert 'data-key="pk_test_published"' in page.text
    assert '<form id="pay-hosted"' in page.text


async def test_no_field_of_ours_could_take_a_card(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    for path in ("/signup", "/pay"):
        text = (await browser.get(path)).text.lower()
        for name in ('name="card', 'name="cc', "cvc", "cc-number"):
            assert name not in text


async def test_the_hosted_page_is_a_redirect_to_stripe(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    sent = await browser.post("/pay/hosted", {"csrf": await browser.csrf()})
    assert (sent.status, sent.place) == (303, site.billing.page_url)


async def test_nobody_is_sent_to_a_payment_page_that_is_not_stripes(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    site.billing.page_url = "https://checkout.stripe.test.evil.example/pay"
    sent = await browser.post("/pay/hosted", {"csrf": await browser.csrf()})
    assert sent.status == 503
    assert "evil" not in sent.text


async def test_a_paid_signup_is_not_offered_a_second_payment(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    csrf = await browser.csrf()
    site.billing.checkouts[(await site.buyer()).signup_id] = "paid"
    assert (await browser.post("/pay/hosted", {"csrf": csrf})).place == "/status"
    assert await session(browser, csrf) == (409, {"code": "already-paid"})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((422, {"code": "unknown-plan"}), 422),
        ((422, {"code": "bad-email"}), 422),
        ((429, {}), 429),
        ((429, {"code": "too-many-checkouts"}), 429),
        ((503, {"code": "payment-service-unavailable"}), 503),
        ((500, {"code": "internal-error"}), 503),
        ((401, {"code": "service-token-required"}), 503),
        ((200, {"client_secret": None, "url": None}), 503),
        ((200, {"client_secret": 7}), 503),
    ],
)
async def test_what_billing_refuses_is_told_with_the_right_status(
    site: RunningSite, browser: Browser, answer: tuple[int, object], status: int
) -> None:
    await browser.sign_up()
    csrf = await browser.csrf()
    site.billing.answer_next("/checkouts", *answer)
    page = await browser.post("/pay/hosted", {"csrf": csrf})
    assert page.status == status
    assert "Nothing was charged" in page.text
    site.billing.answer_next("/checkouts", *answer)
    assert (await session(browser, csrf))[0] == status


async def test_billing_down_while_paying_is_503_and_the_signup_stays(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    csrf = await browser.csrf()
    site.billing.is_down = True
    assert (await browser.post("/pay/hosted", {"csrf": csrf})).status == 503
    assert (await session(browser, csrf)) == (503, {"code": "billing-unavailable"})
    site.billing.is_down = False
    assert (await browser.post("/pay/hosted", {"csrf": csrf})).status == 303


async def test_paying_without_a_signup_is_404(site: RunningSite, browser: Browser) -> None:
    csrf = await browser.csrf()
    assert (await browser.get("/pay")).status == 404
    assert (await browser.post("/pay/hosted", {"csrf": csrf})).status == 404
    assert (await session(browser, csrf))[0] == 404
    assert site.billing.bodies("/checkouts") == []


async def test_a_plan_that_is_sold_no_more_leads_back_to_the_form(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up(plan="studio")
    site.billing.plans = site.billing.plans[:1]
    await site.later(minutes=1)
    assert (await browser.get("/pay")).place == "/signup"


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("paid", "confirming"),
        ("pending", "confirming"),
        ("open", "waiting-for-payment"),
        ("expired", "waiting-for-payment"),
    ],
)
async def test_coming_back_asks_billing_and_shows_what_it_says(
    site: RunningSite, browser: Browser, state: str, shown: str
) -> None:
    await browser.sign_up()
    signup_id = (await site.buyer()).signup_id
    site.billing.checkouts[signup_id] = state
    back = await browser.get("/signup/return?session_id=cs_test_a1B2c3D4")
    assert (back.status, back.place) == (303, "/status")
    assert back.headers["Referrer-Policy"] == "no-referrer"
    assert site.billing.bodies(f"/checkouts/{signup_id}/sync") == [{"session_id": "cs_test_a1B2c3D4"}]
    page = await browser.get("/status")
    assert page.state == shown
    assert ("has expired" in page.text) == (state == "expired")


async def test_who_comes_back_while_billing_is_down_sees_that_it_is_being_confirmed(
    site: RunningSite, browser: Browser
) -> None:
    await browser.sign_up()
    site.billing.is_down = True
    assert (await browser.get("/signup/return?session_id=cs_test_a1B2c3D4")).place == "/status"
    assert (await browser.get("/status")).state == "confirming"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?session_id=",
        "?session_id[]=cs_test_a1B2c3D4",
        "?session_id=cs_test_a1B2c3D4&session_id=cs_test_b",
        "?session_id=../../plans",
        "?session_id=sub_1234567890",
        "?session_id=cs_test_%0d%0aX",
        "?session_id=cs_" + "a" * 300,
    ],
)
async def test_a_malformed_session_id_is_404_without_a_call(site: RunningSite, browser: Browser, query: str) -> None:
    await browser.sign_up()
    assert (await browser.get("/signup/return" + query)).status == 404
    assert [path for path, _ in site.billing.calls if path != "/plans"] == []


async def test_a_session_of_somebody_else_is_404(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    assert (await browser.get("/signup/return?session_id=cs_test_of_another")).status == 404
    assert (await browser.get("/status")).state == "waiting-for-payment"


async def test_coming_back_without_the_cookie_says_that_all_goes_on(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/signup/return?session_id=cs_test_a1B2c3D4")
    assert page.status == 404
    assert "If you have paid already, all goes on without this page" in page.text


async def test_who_leaves_the_payment_page_may_go_on_later(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    page = await browser.get("/signup/cancelled")
    assert page.status == 200
    assert "Nothing was charged" in page.text
    assert 'href="/pay"' in page.text

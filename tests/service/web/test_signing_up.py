"""The way in: home, plans, the form, and one signup per browser."""

import asyncio

import pytest

from support.web_peers import Browser
from support.web_site import RunningSite


async def test_the_home_page_says_what_it_costs_and_draws_what_is_sealed(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/")
    assert page.status == 200
    assert "from $25 a month" in page.text
    assert "<svg" in page.text


async def test_the_home_page_only_loses_its_price_while_billing_is_down(site: RunningSite, browser: Browser) -> None:
    site.billing.is_down = True
    page = await browser.get("/")
    assert page.status == 200
    assert "$25" not in page.text


async def test_the_plans_are_those_of_billing(site: RunningSite, browser: Browser) -> None:
    page = await browser.get("/plans")
    assert page.status == 200
    for words in ("Personal", "$25", "250 GB", "Studio", "$90", "2 TB", 'href="/signup?plan=studio"'):
        assert words in page.text


async def test_a_signup_leads_to_payment_and_then_to_the_status_page(site: RunningSite, browser: Browser) -> None:
    form = await browser.get("/signup?plan=studio")
    assert 'value="studio" required checked' in form.text
    sent = await browser.sign_up("Ada@EXAMPLE.com", "studio")
    assert (sent.status, sent.place) == (303, "/pay")
    pay = await browser.get("/pay")
    assert "$90 a month" in pay.text
    assert "Ada@example.com" in pay.text
    assert (await browser.get("/status")).state == "waiting-for-payment"


async def test_a_double_submit_makes_one_signup(site: RunningSite, browser: Browser) -> None:
    csrf = await browser.csrf()
    form = {"email": "ada@example.com", "plan": "personal", "terms": "yes", "csrf": csrf}
    answers = await asyncio.gather(*(browser.post("/signup", form) for _ in range(4)))
    assert {answer.status for answer in answers} == {303}
    assert await site.count("signups") == 1


async def test_a_second_tab_changes_the_signup_and_its_checkout_stays_one(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up("ada@example.com", "personal")
    await browser.sign_up("ada@example.org", "studio")
    for _ in range(2):
        await browser.post("/pay/hosted", {"csrf": await browser.csrf()})
    assert {body["checkout_id"] for body in site.billing.bodies("/checkouts")} == {(await site.buyer()).signup_id}
    assert site.billing.bodies("/checkouts")[-1]["plan"] == "studio"
    assert site.billing.bodies("/checkouts")[-1]["email"] == "ada@example.org"
    assert await site.count("signups") == 1


async def test_the_form_remembers_an_unpaid_signup(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up("ada@example.com", "studio")
    page = await browser.get("/signup")
    assert page.value("email") == "ada@example.com"
    assert 'value="studio" required checked' in page.text


async def test_two_browsers_have_signups_of_different_accounts(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    async with site.browser() as other:
        await other.sign_up()
        first, second = await site.buyer(0), await site.buyer(1)
        assert first.account_id != second.account_id
        assert (await other.get("/status")).status == 200


async def test_who_has_paid_is_led_to_the_status_page(site: RunningSite, browser: Browser) -> None:
    csrf = await browser.csrf()
    await site.an_owner(browser)
    assert (await browser.get("/signup")).place == "/status"
    assert (await browser.get("/pay")).place == "/status"
    again = await browser.post("/signup", {"csrf": csrf, "email": "ada@example.com", "plan": "personal"})
    assert (again.status, again.place) == (303, "/status")
    assert await site.count("signups") == 1


async def test_another_grid_can_be_started_after_the_first_is_paid(site: RunningSite, browser: Browser) -> None:
    first = await site.an_owner(browser)
    assert f"/signup?another={first.signup_id}" in (await browser.get("/status")).text
    form = await browser.get(f"/signup?another={first.signup_id}")
    more = {"another": form.value("another"), "csrf": form.value("csrf"), "terms": "yes"}
    for _ in range(2):
        sent = await browser.post("/signup", {"email": "ada@example.com", "plan": "studio", **more})
        assert (sent.status, sent.place) == (303, "/pay")
    assert await site.count("signups") == 2
    assert (await browser.get("/status")).state == "waiting-for-payment"


HOSTILE = [
    "",
    " ",
    "ada",
    "ada@",
    "@example.com",
    "ada@@example.com",
    "ada@home@example.com",
    "ada@example",
    "ada@example.com, eve@example.com",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada\n@example.com",
    "ada\x00@example.com",
    "ada\u202e@example.com",
    "Ada <ada@example.com>",
    '"a b"@example.com',
    "ada@[127.0.0.1]",
    "a" * 65 + "@example.com",
    "ada@" + "a" * 250 + ".com",
    "ада@example.com",
    "'; DROP TABLE signups; --",
    "{{ 7 * 7 }}",
]


@pytest.mark.parametrize("email", HOSTILE)
async def test_an_unusable_address_is_refused_and_nothing_is_lost(
    site: RunningSite, browser: Browser, email: str
) -> None:
    page = await browser.sign_up(email, "studio")
    assert page.status == 422
    assert "address that your letter is to go to" in page.text
    assert page.value("email").strip() == email.strip()
    assert 'value="studio" required checked' in page.text
    assert page.value("terms") == "yes"
    assert await site.count("signups") == 0


async def test_what_was_typed_comes_back_as_text_and_not_as_a_tag(site: RunningSite, browser: Browser) -> None:
    page = await browser.sign_up('"><script>alert(1)</script>')
    assert page.status == 422
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("plan", ["", "platinum", "personal ", "PERSONAL", "' or 1=1"])
async def test_a_plan_that_is_not_sold_is_refused(site: RunningSite, browser: Browser, plan: str) -> None:
    page = await browser.sign_up(plan=plan)
    assert page.status == 422
    assert "Please choose one of the plans" in page.text
    assert page.value("email") == "ada@example.com"
    assert await site.count("signups") == 0


async def test_the_terms_must_be_agreed_to(site: RunningSite, browser: Browser) -> None:
    page = await browser.sign_up(terms="no")
    assert page.status == 422
    assert await site.count("signups") == 0


async def test_a_price_in_the_form_is_ignored(site: RunningSite, browser: Browser) -> None:
    assert (await browser.sign_up(amount="1", price="price_free", currency="xxx", quantity="0")).status == 303
    await browser.post("/pay/hosted", {"csrf": await browser.csrf(), "amount": "1"})
    (asked,) = site.billing.bodies("/checkouts")
    assert set(asked) == {"checkout_id", "account_id", "plan", "email", "ui", "locale", "ip_hash"}


async def test_billing_down_answers_503_and_keeps_the_form(site: RunningSite, browser: Browser) -> None:
    csrf = (await browser.get("/signup")).value("csrf")
    site.billing.is_down = True
    page = await browser.post("/signup", {"email": "ada@example.com", "plan": "studio", "terms": "yes", "csrf": csrf})
    assert page.status == 503
    assert page.value("email") == "ada@example.com"
    assert 'value="studio" required checked' in page.text
    assert await site.count("signups") == 0
    site.billing.is_down = False
    sent = await browser.post(
        "/signup", {name: page.value(name) for name in ("email", "csrf", "terms")} | {"plan": "studio"}
    )
    assert sent.status == 303


@pytest.mark.parametrize("path", ["/plans", "/signup"])
async def test_billing_down_is_said_plainly(site: RunningSite, browser: Browser, path: str) -> None:
    site.billing.is_down = True
    page = await browser.get(path)
    assert page.status == 503
    assert page.heading == "Payments are not available right now"
    assert page.headers["Retry-After"] == "30"
    site.billing.is_down = False
    assert (await browser.get(path)).status == 200


@pytest.mark.parametrize("answer", [{"plans": "none"}, {"plans": [{"id": 3}]}, [], "nonsense"])
async def test_nonsense_from_billing_counts_as_billing_down(
    site: RunningSite, browser: Browser, answer: object
) -> None:
    site.billing.answer_next("/plans", 200, answer)
    assert (await browser.get("/plans")).status == 503


async def test_the_plans_are_asked_for_once_in_a_while_and_not_for_each_visitor(
    site: RunningSite, browser: Browser
) -> None:
    for _ in range(3):
        await browser.get("/plans")
    assert len(site.billing.bodies("/plans")) == 1
    await site.later(seconds=31)
    await browser.get("/plans")
    assert len(site.billing.bodies("/plans")) == 2


async def test_closed_signups_are_said_and_nothing_is_created(site: RunningSite, browser: Browser) -> None:
    csrf = await browser.csrf()
    site.billing.is_open = False
    sent = await browser.post("/signup", {"csrf": csrf, "email": "ada@example.com", "plan": "personal", "terms": "yes"})
    assert (sent.status, sent.heading) == (503, "Signups are closed for now")
    assert "Signups are closed" in (await browser.get("/plans")).text
    assert await site.count("signups") == 0


@pytest.mark.parametrize(("trial", "is_taxed"), [(0, False), (14, True)])
async def test_what_is_free_and_what_is_added_is_said_before_paying(
    site: RunningSite, browser: Browser, trial: int, *, is_taxed: bool
) -> None:
    site.billing.plans = [{**plan, "trial_days": trial} for plan in site.billing.plans]
    site.billing.is_taxed = is_taxed
    plans = (await browser.get("/plans")).text
    assert ("The first 14 days are free" in plans) == bool(trial)
    assert ("Tax is added on the payment page" in plans) == is_taxed
    assert ("You pay the price that you see" in plans) != is_taxed
    await browser.sign_up()
    assert ("Nothing is charged today" in (await browser.get("/pay")).text) == bool(trial)

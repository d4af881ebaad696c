"""What cannot be had is said before anybody chooses it, and how full a grid is on its owner's page."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from s4_bus.testing import deliver
from s4_contracts.provisioner import GridDeleted
from s4_runtime import new_id
from s4_web.views import routes
from support.room import a_measurement, a_report
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite, running_site

HOUR = timedelta(hours=1)
GB = 10**9
SOLD_OUT = (409, {"code": "sold-out"})


async def is_full(site: RunningSite, *plans: str, **more: Any) -> None:
    await site.hears(a_report(site.clock.now(), *plans, **more))


async def measured(site: RunningSite, buyer: Buyer, stored: int, quota: int | None = 250 * GB) -> None:
    await site.hears(a_measurement(site.clock.now(), buyer.account_id, buyer.signup_id, stored, quota=quota))


async def account(browser: Browser, buyer: Buyer) -> Page:
    return await browser.get(f"/account/{buyer.account_id}")


async def choice(browser: Browser, buyer: Buyer) -> Page:
    return await browser.get(f"/account/{buyer.account_id}/plan")


async def wish(browser: Browser, buyer: Buyer, plan: str) -> Page:
    form = {"csrf": await browser.csrf(), "plan": plan}
    return await browser.post(f"/account/{buyer.account_id}/plan/preview", form)


def radio(page: Page, plan: str) -> str:
    """The plan's choice as it stands in the form."""
    return page.text.partition(f'name="plan" value="{plan}"')[2].partition(">")[0]


async def test_a_plan_that_cannot_be_made_cannot_be_chosen(site: RunningSite, browser: Browser) -> None:
    await is_full(site, "personal")
    assert "from $90 a month" in (await browser.get("/")).text
    plans = await browser.get("/plans")
    assert "Not available now" in plans.text
    assert 'href="/signup?plan=personal"' not in plans.text
    assert 'href="/signup?plan=studio"' in plans.text
    form = await browser.get("/signup?plan=personal")
    assert ("disabled" in radio(form, "personal"), "checked" in radio(form, "personal")) == (True, False)
    assert "disabled" not in radio(form, "studio")


async def test_a_form_that_comes_anyway_is_refused_kindly_and_nothing_is_lost(
    site: RunningSite, browser: Browser
) -> None:
    await is_full(site, "personal")
    page = await browser.sign_up()
    assert page.status == 409
    assert "This plan is not available right now. Nothing was charged." in page.text
    assert (page.value("email"), page.value("terms")) == ("ada@example.com", "yes")
    assert await site.count("signups") == 0
    assert (await browser.sign_up(plan="studio")).status == 303


async def test_when_everything_is_sold_out_the_form_cannot_be_sent(site: RunningSite, browser: Browser) -> None:
    await is_full(site, "personal", "studio", "other")
    assert "No more grids can be made at the moment" in (await browser.get("/")).element("sold-out")
    page = await browser.get("/signup")
    assert '<button type="submit" disabled>' in page.text
    await site.later(hours=1)
    await is_full(site, "personal", "studio", can_build=True)
    assert '<button type="submit">' in (await browser.get("/signup")).text


async def test_the_latest_report_counts_for_three_hours(site: RunningSite, browser: Browser) -> None:
    now = site.clock.now()
    reports = [a_report(now - 2 * HOUR, "personal", can_build=True), a_report(now - HOUR, "personal")]
    for order in permutations(reports):
        await site.pool.execute("DELETE FROM capacity")
        for report in order:
            ident = new_id()
            assert await deliver(site.pool, routes(), report, event_id=ident)
            assert not await deliver(site.pool, routes(), report, event_id=ident)
        assert "disabled" in radio(await browser.get("/signup"), "personal")
    await site.later(hours=2, seconds=1)
    assert "disabled" not in radio(await browser.get("/signup"), "personal")


async def test_a_plan_can_be_had_while_one_of_its_pools_has_room(site: RunningSite, browser: Browser) -> None:
    await is_full(site, "personal", "studio", pool="first")
    await is_full(site, "personal", pool="second", can_build=True)
    form = await browser.get("/signup")
    assert "disabled" not in radio(form, "personal")
    assert "disabled" in radio(form, "studio")


async def test_how_long_a_report_counts_is_a_setting(web_database: str) -> None:
    async with running_site(web_database, capacity_believed=timedelta(minutes=5)) as site, site.browser() as browser:
        await is_full(site, "personal")
        await site.later(minutes=6)
        assert "disabled" not in radio(await browser.get("/signup"), "personal")


async def test_what_billing_does_not_sell_is_said_plainly(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    site.billing.answer_next("/checkouts", *SOLD_OUT)
    page = await browser.post("/pay/hosted", {"csrf": await browser.csrf()})
    assert (page.status, page.heading) == (409, "This plan is not available right now")
    assert 'href="/plans"' in page.text


async def test_a_larger_plan_that_cannot_be_made_is_marked_and_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await is_full(site, "personal", "studio")
    page = await choice(browser, buyer)
    assert "disabled" in radio(page, "studio")
    assert "Not available now" in page.text
    site.billing.answer_next(f"/accounts/{buyer.account_id}/plan-preview", *SOLD_OUT)
    page = await wish(browser, buyer, "studio")
    assert (page.status, page.heading) == (409, "This plan is not available right now")
    assert "you keep the plan that you have" in page.text


async def test_a_smaller_plan_may_be_chosen_while_it_is_sold_out(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser, plan="studio", plan_name="Studio")
    await is_full(site, "personal", "studio")
    assert "disabled" not in radio(await choice(browser, buyer), "personal")


async def test_a_plan_that_is_too_small_says_by_how_much_and_cannot_be_chosen(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser, plan="studio", plan_name="Studio")
    await measured(site, buyer, 300_400_000_001, 2000 * GB)
    page = await choice(browser, buyer)
    assert "disabled" in radio(page, "personal")
    assert "300 GB is stored, 50.5 GB more than it holds." in page.text
    assert '<button type="submit" disabled>' in page.text


NUMBERS = {"stored_bytes": 300 * GB, "quota_bytes": 250 * GB, "excess_bytes": 50 * GB}


async def test_billings_refusal_of_a_plan_that_is_too_small_is_shown_with_its_numbers(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser, plan="studio", plan_name="Studio")
    shown = await wish(browser, buyer, "personal")
    refusal = (409, {"code": "does-not-fit", **NUMBERS})
    site.billing.answer_next(f"/accounts/{buyer.account_id}/plan-preview", *refusal)
    page = await wish(browser, buyer, "personal")
    assert (page.status, page.heading) == (409, "Change your plan")
    assert "300 GB is stored in your grid, and Personal holds 250 GB" in page.text
    assert "That is 50 GB too much for it" in page.text
    for path in ("plan", "plan-preview"):  # more was stored between the look and the button
        site.billing.answer_next(f"/accounts/{buyer.account_id}/{path}", *refusal)
    form = {name: shown.value(name) for name in ("csrf", "plan", "preview_id")}
    page = await browser.post(f"/account/{buyer.account_id}/plan", form)
    assert (page.status, "That is 50 GB too much for it" in page.text) == (409, True)


async def test_a_refusal_without_its_numbers_counts_as_no_answer(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    site.billing.answer_next(f"/accounts/{buyer.account_id}/plan-preview", 409, {"code": "does-not-fit"})
    assert (await wish(browser, buyer, "studio")).status == 503


LEVELS = [
    (0, "0 bytes</strong> of 250 GB used (0&nbsp;%)", "plenty", 0, ""),
    (1, "1 bytes</strong> of 250 GB used (less than 1&nbsp;%)", "plenty", 0, ""),
    (187 * GB, "187 GB</strong> of 250 GB used (74&nbsp;%)", "plenty", 74, ""),
    (200 * GB, "200 GB</strong> of 250 GB used (80&nbsp;%)", "nearly", 80, "nearly full"),
    (250 * GB - 1, "250 GB</strong> of 250 GB used (99&nbsp;%)", "nearly", 99, "nearly full"),
    (250 * GB, "250 GB</strong> of 250 GB used (100&nbsp;%)", "full", 100, "Deleting files does not free space yet"),
    (
        300 * GB + 1,
        "300 GB</strong> of 250 GB used (120&nbsp;%)",
        "full",
        100,
        "It holds 50.1 GB more than its quota",
    ),
]


@pytest.mark.parametrize("case", LEVELS, ids=lambda case: str(case[0]))
async def test_the_account_draws_how_full_the_grid_is(
    site: RunningSite, browser: Browser, case: tuple[int, str, str, int, str]
) -> None:
    stored, words, level, percent, advice = case
    buyer = await site.a_member(browser)
    await measured(site, buyer, stored)
    page = await account(browser, buyer)
    assert words in page.text
    assert f'class="meter {level}" role="meter"' in page.text
    assert f'aria-valuenow="{percent}"' in page.text
    assert advice in page.text
    assert ('class="over"' in page.text) == (stored > 250 * GB)
    assert "12,345 objects" in page.text
    assert "1 March 2026, 12:00 UTC" in page.text


async def test_without_a_quota_there_is_a_number_and_no_bar(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await measured(site, buyer, 3 * GB, None)
    page = await account(browser, buyer)
    assert "<strong>3 GB</strong> used, in" in page.text
    assert 'role="meter"' not in page.text


async def test_what_was_never_measured_or_is_deleted_is_not_drawn(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert 'id="usage"' not in (await account(browser, buyer)).text
    await measured(site, buyer, 3 * GB)
    ids: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    await site.hears(GridDeleted(**ids, objects=7, occurred_at=site.clock.now()))
    assert 'id="usage"' not in (await account(browser, buyer)).text


async def test_the_latest_measurement_is_shown_in_whatever_order_they_come(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    now, ids = site.clock.now(), (buyer.account_id, buyer.signup_id)
    told = [a_measurement(now + hours * HOUR, *ids, (hours + 1) * GB, quota=9 * GB) for hours in (0, 1, 2)]
    for order in permutations(told):
        await site.pool.execute("DELETE FROM usage")
        await site.hears(*order, *order)
        assert "<strong>3 GB</strong> of 9 GB used (33&nbsp;%)" in (await account(browser, buyer)).text


async def test_while_billing_is_silent_the_bar_is_still_there(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await measured(site, buyer, 260 * GB)
    site.billing.is_down = True
    page = await account(browser, buyer)
    assert "Billing cannot be reached" in page.text
    assert "It holds 10 GB more than its quota" in page.text

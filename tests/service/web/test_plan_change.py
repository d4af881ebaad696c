"""Another plan: the exact amount is shown first, and nothing but that is done."""

from typing import Any

from s4_runtime import new_id
from support.web_peers import CANNOT, PREVIEW, Browser, Page
from support.web_site import Buyer, RunningSite


async def preview(browser: Browser, buyer: Buyer, plan: str = "studio") -> Page:
    form = {"csrf": await browser.csrf(), "plan": plan}
    return await browser.post(f"/account/{buyer.account_id}/plan/preview", form)


async def change(browser: Browser, buyer: Buyer, shown: Page) -> Page:
    """The button under the amounts is pressed."""
    form = {name: shown.value(name) for name in ("csrf", "plan", "preview_id")}
    return await browser.post(f"/account/{buyer.account_id}/plan", form)


def changes(site: RunningSite, buyer: Buyer) -> list[dict[str, Any]]:
    return site.billing.bodies(f"/accounts/{buyer.account_id}/plan")


async def test_the_other_plans_are_offered(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await browser.get(f"/account/{buyer.account_id}/plan")
    assert (page.status, page.heading) == (200, "Change your plan")
    assert 'value="studio"' in page.text
    assert 'value="personal"' not in page.text


async def test_with_one_plan_for_sale_there_is_nothing_to_choose(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    site.billing.plans = site.billing.plans[:1]
    await site.later(minutes=1)
    page = await browser.get(f"/account/{buyer.account_id}/plan")
    assert "There is no other plan for sale" in page.text
    assert "Show me the amount" not in page.text


async def test_the_exact_amounts_are_shown_before_anything_is_changed(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await preview(browser, buyer)
    assert (page.status, page.heading) == (200, "Studio instead of Personal")
    assert (page.element("amount-now"), page.element("amount-next")) == ("$52.34", "$107.10")
    for words in ("$68.98", "-$25.00", "$8.36", "Pay $52.34 and change", "1 March 2026, 12:30 UTC"):
        assert words in page.text
    assert changes(site, buyer) == []


async def test_what_was_shown_is_what_is_done(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    sent = await change(browser, buyer, await preview(browser, buyer))
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}?done=plan")
    assert changes(site, buyer) == [{"preview_id": PREVIEW["preview_id"]}]
    page = await browser.get(sent.place)
    assert (page.heading, "Your plan is Studio now" in page.text) == ("Studio", True)


async def test_a_smaller_plan_holds_from_the_next_period_and_costs_nothing_now(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser, plan="studio", plan_name="Studio")
    site.billing.preview |= {"kind": "downgrade", "amount_now": 0, "tax_now": 0, "lines": []}
    site.billing.preview |= {"at": "2026-04-01T12:00:00Z", "next_amount": 2500, "tax_extra": True}
    page = await preview(browser, buyer, "personal")
    assert page.element("amount-now") == "$0.00"
    assert "You keep Studio until" in page.text
    assert "Change to Personal</button>" in page.text
    assert "$25.00</span> and tax" in page.text


async def test_in_a_free_trial_a_larger_plan_costs_nothing_now(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser, trial_end="2026-03-15T12:00:00Z")
    site.billing.preview |= {"amount_now": 0, "tax_now": 0, "lines": []}
    page = await preview(browser, buyer)
    assert "Nothing is charged now" in page.text
    assert "Change to Studio</button>" in page.text


async def test_an_amount_that_is_out_of_date_is_shown_anew_and_not_charged(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    shown = await preview(browser, buyer)
    newer = new_id()
    site.billing.preview |= {"amount_now": 5100, "preview_id": newer}
    site.billing.answer_next(f"/accounts/{buyer.account_id}/plan", 409, {"code": "preview-stale"})
    page = await change(browser, buyer, shown)
    assert page.status == 409
    assert "What you were shown was out of date" in page.text
    assert page.element("amount-now") == "$51.00"
    assert (await change(browser, buyer, page)).status == 303
    assert changes(site, buyer)[-1] == {"preview_id": newer}


async def test_a_preview_that_we_did_not_show_is_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for preview_id in ("", "1", "../../plans", "a" * 4000):
        form = {"csrf": await browser.csrf(), "plan": "studio", "preview_id": preview_id}
        page = await browser.post(f"/account/{buyer.account_id}/plan", form)
        assert (preview_id, page.status) == (preview_id, 400)
    assert changes(site, buyer) == []


async def test_a_plan_that_is_not_sold_is_refused(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for plan in ("", "platinum", "<b>", "studio\x00"):
        page = await preview(browser, buyer, plan)
        assert (plan, page.status, page.heading) == (plan, 422, "Please choose one of the plans")


NO_AMOUNT: list[tuple[tuple[int, object], str]] = [
    ((409, {"code": "same-plan"}), "You have this plan already"),
    ((409, {"code": "change-pending"}), "A change of your plan is under way already"),
    ((409, {"code": "payment-overdue"}), "Please pay the open bill first"),
    ((409, {"code": "not-comparable"}), "This change cannot be made here"),
    ((409, {"code": "cancellation-scheduled"}), "You have cancelled"),
    ((422, {"code": "unknown-plan"}), "This plan is not sold any more"),
    ((429, {"code": "payment-service-busy"}), "One moment, please"),
    ((503, {"code": "payment-service-unavailable"}), "Payments are not available right now"),
    ((200, {**PREVIEW, "amount_now": "52.34"}), "Payments are not available right now"),
    ((200, {**PREVIEW, "amount_now": 52.34}), "Payments are not available right now"),
]


async def test_why_there_is_no_amount_is_told(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for answer, heading in NO_AMOUNT:
        site.billing.answer_next(f"/accounts/{buyer.account_id}/plan-preview", *answer)
        page = await preview(browser, buyer)
        assert page.heading == heading
        assert "charged" in page.text


async def test_a_declined_card_changes_nothing_and_says_so(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    shown = await preview(browser, buyer)
    refusal = {"code": "card-declined", "reason": "funds"}
    site.billing.answer_next(f"/accounts/{buyer.account_id}/plan", 402, refusal)
    page = await change(browser, buyer, shown)
    assert (page.status, page.heading) == (402, "There is not enough money on your card")


CANNOT_CHANGE: list[tuple[dict[str, Any], str]] = [
    ({"state": "ended", "ended": {"at": None, "reason": None}}, "Your subscription has ended already"),
    (
        {"pending_plan": {"plan": "personal", "name": "Personal", "at": "2026-04-01T12:00:00Z"}},
        "A change of your plan is under way already",
    ),
    ({"failing": {"amount": 1, "currency": "usd"}}, "Please pay the open bill first"),
    ({"cancel_at": "2026-04-01T12:00:00Z"}, "You have cancelled"),
    ({"state": "suspended"}, "Your plan cannot be changed now"),
]


async def test_an_account_that_cannot_change_is_told_why(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for changed, heading in CANNOT_CHANGE:
        buyer.has_account(can=CANNOT, **changed)
        page = await browser.get(f"/account/{buyer.account_id}/plan")
        assert (page.status, page.heading) == (409, heading)
        assert (await preview(browser, buyer)).heading == heading


async def test_changing_wants_a_recent_sign_in_at_every_step(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    shown = await preview(browser, buyer)
    await site.later(minutes=16)
    for page in (
        await browser.get(f"/account/{buyer.account_id}/plan"),
        await preview(browser, buyer),
        await change(browser, buyer, shown),
    ):
        assert (page.status, page.heading) == (403, "Please sign in anew")
    assert changes(site, buyer) == []
    assert (await site.signs_in(browser, buyer)).place == f"/account/{buyer.account_id}/plan"
    assert (await change(browser, buyer, shown)).status == 303

"""The account: only its owner sees it, as billing has it, or as events told while billing is silent."""

import re
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec

from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceResumed,
    ServiceSuspended,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import RefundId, SubscriptionId
from s4_contracts.provisioner import GridDeleted, GridProved, GridResumed, GridSuspended
from s4_contracts.web import InviteRequested
from s4_runtime import new_id
from support.web_peers import CANNOT, ENDED, Browser, Page
from support.web_site import Buyer, RunningSite

FAILING = {
    "amount": 2975,
    "currency": "usd",
    "attempt": 2,
    "next_attempt_at": "2026-03-04T12:00:00Z",
    "suspends_at": "2026-03-15T12:00:00Z",
    "must_confirm": False,
}
INVOICE = "0193d5a0-0000-7000-8000-000000001001"
NOBODYS = "0193d5a0-0000-7000-8000-00000000ffff"


def text_of(page: Page) -> str:
    """What a person reads of the page's main part."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def kind_of(page: Page) -> str:
    found = re.search(r'data-kind="([a-z]+)"', page.text)
    return found[1] if found else ""


class News:
    """Events of one account's subscription; each is about a revision."""

    def __init__(self, site: RunningSite, buyer: Buyer) -> None:
        self._site, self._subscription = site, SubscriptionId(new_id())
        self._of: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id}
        self.grid = {**self._of, "grid_id": buyer.grid_id}

    def __call__(self, event: Any, revision: int, **facts: Any) -> Any:
        at = self._site.clock.now()
        more = {"subscription_id": self._subscription, "revision": revision, "occurred_at": at, **facts}
        return event(**self._of, **more)

    def failed(self, revision: int) -> PaymentFailed:
        now = self._site.clock.now()
        times = {"next_attempt_at": now + timedelta(days=3), "suspends_at": now + timedelta(days=14)}
        failed: PaymentFailed = self(PaymentFailed, revision, amount=2975, currency="usd", attempt=1, **times)
        return failed

    def ended(self, revision: int, reason: str = "cancelled") -> SubscriptionEnded:
        after = self._site.clock.now() + timedelta(days=30)
        ended: SubscriptionEnded = self(SubscriptionEnded, revision, reason=reason, delete_after=after)
        return ended

    def of_grid(self, event: Any, **facts: Any) -> Any:
        return event(**self.grid, occurred_at=self._site.clock.now(), **facts)


async def shown(browser: Browser, buyer: Buyer, query: str = "") -> Page:
    page = await browser.get(f"/account/{buyer.account_id}{query}")
    assert page.status == 200
    return page


async def silent(site: RunningSite, browser: Browser, buyer: Buyer) -> Page:
    """The page while billing does not answer."""
    site.billing.is_down = True
    page = await shown(browser, buyer)
    site.billing.is_down = False
    assert "Billing cannot be reached right now" in page.text
    return page


async def test_one_account_is_shown_with_plan_state_next_date_and_amount(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert (await browser.get("/account")).place == f"/account/{buyer.account_id}"
    page = await shown(browser, buyer)
    assert (page.heading, kind_of(page), page.element("state")) == ("Personal", "active", "Active")
    assert page.element("next-amount") == "$25 and tax"
    assert '<time datetime="2026-04-01T12:00:00+00:00">1 April 2026, 12:00 UTC</time>' in page.text
    assert "Signed in as ada@example.com" in page.text
    assert page.headers["Cache-Control"] == "no-store"


async def test_several_accounts_of_one_address_are_listed_without_asking_billing(
    site: RunningSite, browser: Browser
) -> None:
    async with site.browser() as other:
        await site.an_owner(other)
    await site.later(hours=1)
    second = await site.a_member(browser)
    first = await site.buyer(0)
    site.billing.calls.clear()
    page = await browser.get("/account")
    assert (page.status, page.heading) == (200, "Your grids")
    places = re.findall(r'href="(/account/[^"]+)"', page.text)
    assert places == [f"/account/{second.account_id}", f"/account/{first.account_id}"]
    assert site.billing.calls == []
    assert "All your grids" in (await shown(browser, second)).text


STATES: list[tuple[dict[str, Any], str, str]] = [
    ({"trial_end": "2026-03-15T12:00:00Z"}, "trial", "Free until 15 March 2026, 12:00 UTC . Then $25 and tax"),
    (
        {"cancel_at": "2026-04-01T12:00:00Z", "next": None, "can": {**CANNOT, "resume": True}},
        "leaving",
        "What is stored is deleted 1 May 2026, 12:00 UTC",
    ),
    ({"state": "past_due", "failing": FAILING}, "overdue", "We could not collect $29.75 from your card"),
    (
        {"state": "past_due", "failing": {**FAILING, "must_confirm": True}},
        "overdue",
        "Your bank wants you to confirm the payment of $29.75",
    ),
    ({"state": "suspended", "failing": FAILING}, "unpaid", "starts again with the same furl"),
    ({"state": "suspended", "disputed": True}, "disputed", "Nothing that you stored is deleted"),
    ({"state": "suspended"}, "paused", "Your grid is stopped"),
    ({"disputed": True}, "active", "A payment is contested"),
    ({"state": "ended", "ended": ENDED}, "ended", "kept until 31 March 2026, 12:00 UTC and then deleted"),
    ({"state": "ended", "ended": {**ENDED, "reason": None, "at": None}}, "ended", "Your subscription has ended."),
    (
        {"state": "ended", "ended": {**ENDED, "deleted_at": "2026-03-31T12:00:00Z"}},
        "deleted",
        "What was stored is deleted.",
    ),
    ({"state": "pending", "next": None}, "pending", "Your payment is being confirmed"),
    (
        {"state": "none", "plan": None, "plan_name": None, "next": None},
        "pending",
        "Your payment is being confirmed",
    ),
]


async def test_each_state_says_what_is_and_what_comes(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for changed, kind, words in STATES:
        buyer.has_account(**changed)
        page = await shown(browser, buyer)
        assert kind_of(page) == kind
        assert words in text_of(page)


async def test_a_failed_payment_says_what_to_do_and_until_when(site: RunningSite, browser: Browser) -> None:
    can = {**CANNOT, "pay": True, "cancel": True}
    buyer = await site.a_member(browser, state="past_due", failing=FAILING, can=can, next=None)
    page = await shown(browser, buyer)
    assert "Pay $29.75 now" in page.text
    assert "Use another card" in page.text
    text = text_of(page)
    assert "failed (try 2)" in text
    assert "We try again to collect it 4 March 2026, 12:00 UTC" in text
    assert "Your grid is stopped if it is still not paid 15 March 2026, 12:00 UTC" in text


async def test_every_amount_is_exact_in_its_own_currency(site: RunningSite, browser: Browser) -> None:
    bill = {"number": None, "at": "2026-03-01T12:00:00Z", "status": "paid", "tax": 0, "amount_refunded": 0}
    bills = [
        {**bill, "id": new_id(), "total": total, "amount_paid": total, "currency": currency}
        for total, currency in [(123456789, "usd"), (500, "jpy"), (2500, "kwd"), (-1, "eur")]
    ]
    buyer = await site.a_member(browser, invoices=bills)
    text = text_of(await shown(browser, buyer))
    for words in ("$1,234,567.89", "500 JPY", "2.500 KWD", "-€0.01"):
        assert words in text


async def test_refunds_are_told_with_their_reason(site: RunningSite, browser: Browser) -> None:
    refund = {"at": "2026-03-02T12:00:00Z", "amount": 2975, "currency": "usd", "state": "succeeded"}
    buyer = await site.a_member(browser, refunds=[{**refund, "reason": "duplicate"}])
    assert "$29.75 went back to your card (it was paid twice), 2 March 2026" in text_of(await shown(browser, buyer))


async def test_an_invoice_leads_to_its_document_at_stripe(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert f"/account/{buyer.account_id}/invoices/{INVOICE}/pdf" in (await shown(browser, buyer)).text
    sent = await browser.get(f"/account/{buyer.account_id}/invoices/{INVOICE}/pdf")
    assert (sent.status, sent.place) == (303, "https://billing.stripe.test/i/1.pdf")


async def test_an_invoice_that_is_not_the_accounts_is_404(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for invoice in (NOBODYS, "1", "..%2f..%2fplans", INVOICE.upper()):
        page = await browser.get(f"/account/{buyer.account_id}/invoices/{invoice}/pdf")
        assert (invoice, page.status) == (invoice, 404)


async def test_another_persons_account_is_404_whatever_is_asked_of_it(site: RunningSite, browser: Browser) -> None:
    async with site.browser() as other:
        assert (await other.sign_up("bob@example.com")).status == 303
        bob = await site.buyer()
        await site.hears(bob.paid(email="bob@example.com"))
        bob.has_account()
    await site.a_member(browser)
    csrf = await browser.csrf()
    site.billing.calls.clear()
    place = f"/account/{bob.account_id}"
    for path in ("", "/cancel", "/plan", f"/invoices/{INVOICE}/pdf"):
        page = await browser.get(place + path)
        assert (path, page.status, page.heading) == (path, 404, "There is no such page")
    form = {
        "csrf": csrf,
        "request_id": new_id(),
        "when": "now",
        "flow": "home",
        "plan": "studio",
        "preview_id": new_id(),
    }
    for path in ("/cancel", "/resume", "/pay", "/portal", "/plan", "/plan/preview", "/letter"):
        assert (path, (await browser.post(place + path, form)).status) == (path, 404)
    assert [path for path, _ in site.billing.calls if path.startswith("/accounts")] == []


async def test_an_account_that_nobody_has_is_404(site: RunningSite, browser: Browser) -> None:
    await site.a_member(browser)
    for account in ("1", "..%2fplans", "%00", "a" * 3000, NOBODYS):
        assert (account, (await browser.get(f"/account/{account}")).status) == (account, 404)


async def test_who_is_not_signed_in_is_led_to_signing_in_and_nothing_is_asked(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.an_owner(browser)
    buyer.has_account()
    csrf = await browser.csrf()
    place = f"/account/{buyer.account_id}"
    for path in ("", "/cancel", "/plan", f"/invoices/{INVOICE}/pdf"):
        assert (await browser.get(place + path)).place == "/sign-in?first=yes"
    for path in ("/cancel", "/resume", "/pay", "/portal", "/plan", "/plan/preview", "/letter"):
        page = await browser.post(place + path, {"csrf": csrf, "request_id": new_id(), "when": "now"})
        assert (path, page.status, page.place) == (path, 303, "/sign-in?first=yes")
    assert [path for path, _ in site.billing.calls if path.startswith("/accounts")] == []


NOT_AGREED: list[tuple[int, object]] = [
    (500, {"code": "internal-error"}),
    (404, {"code": "no-such-account"}),
    (200, {}),
    (200, {"account_id": "1", "plan": None, "plan_name": None, "state": "dancing"}),
    (
        200,
        {"account_id": "1", "plan": "p", "plan_name": "P", "state": "active", "period_end": "2026-03-01T12:00:00"},
    ),
]


async def test_an_answer_that_was_not_agreed_counts_as_none(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for answer in NOT_AGREED:
        site.billing.answer_next(f"/accounts/{buyer.account_id}", *answer)
        page = await shown(browser, buyer)
        assert "Billing cannot be reached right now" in page.text
        assert page.heading == "Personal"


async def test_while_billing_is_silent_the_page_shows_what_events_told(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news, end = News(site, buyer), site.clock.now() + timedelta(days=31)
    await site.hears(news(SubscriptionRenewed, 2, amount=2975, currency="usd", period_end=end, invoice_number="1"))
    page = await silent(site, browser, buyer)
    assert kind_of(page) == "active"
    assert "Your plan is renewed 1 April 2026, 12:00 UTC" in text_of(page)
    for gone in ("Cancel my subscription", "Change plan", "Change card", "Invoices</h2>"):
        assert gone not in page.text
    steps = [
        (news.failed(3), "overdue"),
        (news(ServiceSuspended, 4, reason="unpaid"), "unpaid"),
        (news(PaymentRecovered, 5, amount=2975, currency="usd"), "paused"),
        (news(ServiceResumed, 6), "active"),
        (news(CancellationScheduled, 7, ends_at=end), "leaving"),
        (news(CancellationReverted, 8), "active"),
        (news(DisputeOpened, 9, kind="dispute"), "active"),
        (news(ServiceSuspended, 9, reason="disputed"), "disputed"),
        (news(ServiceResumed, 10), "active"),
        (news.ended(11), "ended"),
    ]
    for event, kind in steps:
        await site.hears(event)
        assert kind_of(await silent(site, browser, buyer)) == kind


async def test_events_in_any_order_end_in_the_same_page(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news, end = News(site, buyer), site.clock.now() + timedelta(days=31)
    told = [
        news.failed(3),
        news(ServiceSuspended, 4, reason="unpaid"),
        news(PaymentRecovered, 5, amount=2975, currency="usd"),
        news(ServiceResumed, 5),
        news(PlanChanged, 6, plan="studio", previous_plan="personal", quota_bytes=None),
        news(CancellationScheduled, 7, ends_at=end),
    ]
    for order in list(permutations(told))[::97]:
        await site.pool.execute("DELETE FROM standings")
        await site.hears(*order, *order)
        page = await silent(site, browser, buyer)
        assert (kind_of(page), page.heading) == ("leaving", "Studio")


async def test_a_bill_that_was_waived_is_forgotten_with_the_next_renewal(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    renewed = {"amount": 2975, "currency": "usd", "period_end": site.clock.now(), "invoice_number": None}
    await site.hears(news(SubscriptionRenewed, 5, **renewed), news.failed(3))
    assert kind_of(await silent(site, browser, buyer)) == "active"


async def test_of_a_paid_bill_and_a_failing_one_told_at_once_the_failing_one_counts(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    at_once = [news(PaymentRecovered, 4, amount=2975, currency="usd"), news.failed(4)]
    at_once = [msgspec.structs.replace(event, occurred_at=site.clock.now()) for event in at_once]
    for order in permutations(at_once):
        await site.pool.execute("DELETE FROM standings WHERE aspect = 'failing'")
        await site.hears(*order)
        assert kind_of(await silent(site, browser, buyer)) == "overdue"


async def test_a_duplicates_end_is_not_the_accounts(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    await site.hears(news.ended(9, "duplicate"))
    assert kind_of(await silent(site, browser, buyer)) == "active"


async def test_a_dispute_that_closed_is_over(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    await site.hears(news(DisputeOpened, 3, kind="fraud-warning"))
    assert "A payment is contested" in (await silent(site, browser, buyer)).text
    await site.hears(news(DisputeClosed, 4), news(DisputeOpened, 3, kind="fraud-warning"))
    assert "A payment is contested" not in (await silent(site, browser, buyer)).text


async def test_the_grid_is_shown_as_the_provisioner_told(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    assert "It is running." in (await shown(browser, buyer)).element("grid")
    resumed = [news.of_grid(GridResumed, proved_at=site.clock.now())]
    await site.later(minutes=1)
    await site.hears(news.of_grid(GridSuspended), *resumed)
    assert "It is being started again" in (await shown(browser, buyer)).element("grid")
    buyer.has_account(state="suspended", failing=FAILING)
    assert "It is stopped." in (await shown(browser, buyer)).element("grid")
    await site.later(minutes=1)
    await site.hears(news.of_grid(GridDeleted, objects=7))
    buyer.has_account(state="ended", ended=ENDED)
    assert "It was deleted" in (await shown(browser, buyer)).element("grid")
    await site.hears(news.ended(9))
    assert kind_of(await silent(site, browser, buyer)) == "deleted"


async def test_a_grid_that_does_not_run_says_who_wanted_that(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    for reason, words in (
        ("owner", "It is paused, because you wanted that."),
        ("operator", "It is stopped for now, by us: this is an outage on our side."),
    ):
        await site.later(minutes=1)
        await site.hears(news.of_grid(GridSuspended, reason=reason))
        assert words in (await shown(browser, buyer)).element("grid")
        await site.later(minutes=1)
        await site.hears(news.of_grid(GridResumed, proved_at=site.clock.now()))
        assert "It is running." in (await shown(browser, buyer)).element("grid")


async def test_the_newest_proof_counts_whatever_order_they_come_in(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    news = News(site, buyer)
    page = await shown(browser, buyer)
    assert "Last seen working just now : a client of ours stored a file from outside" in text_of(page)
    await site.later(hours=5)
    early = news.of_grid(GridProved, proved_at=site.clock.now(), seconds=2.25)
    await site.later(hours=1)
    late = news.of_grid(GridProved, proved_at=site.clock.now(), seconds=1.5)
    await site.later(hours=2)
    for order in ([early, late], [late, early]):
        await site.pool.execute("DELETE FROM proofs")
        await site.hears(*order, *order)
        page = await shown(browser, buyer)
        assert "Last seen working 2 hours ago" in text_of(page)
        assert "read it back in 1.5 s. 1 March 2026, 18:00 UTC" in text_of(page)
    await site.hears(news.of_grid(GridSuspended))
    assert "It last worked 2 hours ago" in text_of(await shown(browser, buyer))


async def test_the_owner_can_have_the_link_to_the_furl_sent(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    place = f"/account/{buyer.account_id}"
    sent = await browser.post(f"{place}/letter", {"csrf": await browser.csrf()})
    assert sent.place == f"{place}?done=letter"
    assert "A new link is on its way to ada@example.com" in (await browser.get(sent.place)).text
    (asked,) = [event for event in await site.emitted() if isinstance(event, InviteRequested)]
    assert (asked.account_id, asked.grid_id) == (buyer.account_id, buyer.grid_id)


async def test_back_from_stripes_page_billing_is_told_to_look(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    site.billing.calls.clear()
    page = await shown(browser, buyer, "?done=portal")
    assert [path for path, _ in site.billing.calls] == [f"/accounts/{buyer.account_id}/sync"]
    assert page.heading == "Personal"
    site.billing.answer_next(f"/accounts/{buyer.account_id}/sync", 503, {"code": "payment-service-unavailable"})
    page = await shown(browser, buyer, "?done=portal")
    assert "Billing cannot be reached" not in page.text


async def test_a_made_up_word_in_the_address_claims_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for done in ("cancelled", "resumed<b>", "paid&done=plan", "%00", "x" * 2000):
        page = await shown(browser, buyer, f"?done={done}")
        assert "cancelled" not in text_of(page)
        assert "<b>" not in page.text


async def test_the_status_page_says_that_the_money_comes_back(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await browser.sign_up(another=buyer.signup_id)
    failed = await site.buyer()
    await site.hears(failed.paid(), failed.failed(final=True))
    page = await browser.get("/status")
    assert page.state == "failed"
    assert "What you paid goes back to you" in text_of(page)
    more = {"refund_id": RefundId(new_id()), "amount": 2975, "currency": "usd", "reason": "not-provided"}
    await site.hears(News(site, failed)(RefundIssued, 3, **more))
    assert "$29.75 is on its way back" in text_of(await browser.get("/status"))

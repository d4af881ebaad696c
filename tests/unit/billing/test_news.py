"""What is told of each change, in which order, and what is not told at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from s4_billing.books import Books
from s4_billing.derive import CheckoutState, State
from s4_billing.money import DisputeRow, InvoiceRow, RefundRow
from s4_billing.news import Shop, news
from s4_billing.store import Checkout, SubscriptionRow
from s4_contracts import Event
from s4_contracts.billing import (
    PaymentFailed,
    PlanChanged,
    RefundIssued,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=14)
CHECKOUT = Checkout(
    id="checkout-1",
    account_id="account-1",
    plan="personal",
    email="buyer@example.org",
    ui="hosted",
    locale="en",
    state=CheckoutState.PAID,
    attempt=1,
    stripe_session_id=None,
    expires_at=NOW,
)
SHOP = Shop("account-1", {"checkout-1": CHECKOUT}, {"personal": 1000, "large": 5000})
ACTIVE = SubscriptionRow(
    id="subscription-1",
    stripe_subscription_id="sub_1",
    checkout_id="checkout-1",
    plan="personal",
    state=State.ACTIVE,
    stripe_status="active",
    ever_paid=True,
    period_end=LATER,
    revision=3,
)


def changed(row: SubscriptionRow = ACTIVE, **changes: Any) -> SubscriptionRow:
    return msgspec.structs.replace(row, **{"revision": row.revision + 1, **changes})


def bill(status: str = "paid", why: str | None = "subscription_cycle", **changes: Any) -> InvoiceRow:
    row = InvoiceRow(
        id="bill-1",
        stripe_invoice_id="in_1",
        stripe_subscription_id="sub_1",
        number="S4-0001",
        status=status,
        billing_reason=why,
        currency="usd",
        total=2500,
        tax=0,
        amount_paid=2500 if status == "paid" else 0,
        amount_due=2500,
        amount_refunded=0,
        attempts=1,
        stripe_charge_id="ch_1",
        period_end=LATER,
        created_at=NOW,
    )
    return msgspec.structs.replace(row, **changes)


def refund(state: Any, **changes: Any) -> RefundRow:
    row = RefundRow(
        id="refund-1",
        stripe_refund_id="re_1",
        stripe_invoice_id="in_1",
        stripe_charge_id="ch_1",
        amount=700,
        currency="usd",
        reason="goodwill",
        state=state,
        created_at=NOW,
    )
    return msgspec.structs.replace(row, **changes)


def dispute(kind: Any, *, is_open: bool = True) -> DisputeRow:
    return DisputeRow(
        stripe_dispute_id=f"{kind}-1",
        kind=kind,
        stripe_invoice_id="in_1",
        stripe_charge_id="ch_1",
        amount=2500,
        currency="usd",
        reason="fraudulent",
        status="needs_response",
        is_open=is_open,
        evidence_due_by=None,
        created_at=NOW,
    )


def a_book(*rows: SubscriptionRow, bills: Any = (), refunds: Any = (), disputes: Any = ()) -> Books:
    return Books(
        subscriptions={row.stripe_subscription_id: row for row in rows},
        invoices={row.stripe_invoice_id: row for row in bills},
        refunds={row.id: row for row in refunds},
        disputes={row.stripe_dispute_id: row for row in disputes},
    )


def told(before: Books, after: Books) -> list[Event]:
    return [event for event, _ in news(before, after, SHOP, NOW)]


def names(before: Books, after: Books) -> list[str]:
    return [type(event).__name__ for event in told(before, after)]


FAILING: dict[str, Any] = {"state": State.PAST_DUE, "failing_invoice": "in_1", "attempts": 1, "suspends_at": LATER}
SUSPENDED: dict[str, Any] = {**FAILING, "state": State.SUSPENDED, "suspended_for": "unpaid"}
ENDED: dict[str, Any] = {"state": State.ENDED, "end_reason": "cancelled", "ended_at": NOW, "delete_after": LATER}


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({}, {}, []),
        ({}, {"period_end": NOW}, []),
        ({}, {"cancel_at": LATER}, ["CancellationScheduled"]),
        ({"cancel_at": NOW}, {"cancel_at": LATER}, ["CancellationScheduled"]),
        ({"cancel_at": LATER}, {"cancel_at": LATER}, []),
        ({"cancel_at": LATER}, {}, ["CancellationReverted"]),
        ({"cancel_at": LATER}, ENDED, ["SubscriptionEnded"]),
        ({}, {**ENDED, "cancel_at": LATER}, ["SubscriptionEnded"]),
        (ENDED, {**ENDED, "disputed": True}, ["DisputeOpened"]),
        (ENDED, {**ENDED, "deleted_at": NOW}, []),
        (ENDED, {}, ["ServiceResumed"]),
        ({}, {"plan": "large"}, ["PlanChanged"]),
        ({}, {"plan": None}, []),
        ({}, {"pending_plan": "large"}, []),
        ({}, {"disputed": True}, ["DisputeOpened"]),
        ({"disputed": True}, {}, ["DisputeClosed"]),
        (
            {},
            {"disputed": True, "state": State.SUSPENDED, "suspended_for": "disputed"},
            ["DisputeOpened", "ServiceSuspended"],
        ),
        (
            {"disputed": True, "state": State.SUSPENDED, "suspended_for": "disputed"},
            SUSPENDED,
            ["PaymentFailed", "DisputeClosed", "ServiceSuspended"],
        ),
        ({}, FAILING, ["PaymentFailed"]),
        (FAILING, FAILING, []),
        (FAILING, {**FAILING, "attempts": 2}, ["PaymentFailed"]),
        (FAILING, {**FAILING, "next_attempt_at": LATER}, []),
        (FAILING, SUSPENDED, ["ServiceSuspended"]),
        (SUSPENDED, {}, ["ServiceResumed"]),
        (SUSPENDED, FAILING, ["ServiceResumed"]),
        (SUSPENDED, ENDED, ["SubscriptionEnded"]),
        ({"state": State.PENDING, "ever_paid": False}, {}, ["SignupPaid"]),
        ({"state": State.PENDING, "ever_paid": False}, ENDED, ["SignupPaid", "SubscriptionEnded"]),
        ({"state": State.PENDING, "ever_paid": False}, {**ENDED, "ever_paid": False}, []),
        ({"checkout_id": None}, {"checkout_id": None, "cancel_at": LATER}, []),
    ],
)
def test_each_change_is_told_as_what_it_means(was: dict[str, Any], now: dict[str, Any], expected: list[str]) -> None:
    before, after = (msgspec.structs.replace(ACTIVE, **each) for each in (was, now))
    bills = [bill("open")]
    assert names(a_book(before, bills=bills), a_book(changed(after), bills=bills)) == expected


def test_a_signup_is_told_once_before_all_else_with_what_was_sold() -> None:
    row = msgspec.structs.replace(ACTIVE, revision=1, plan="large", cancel_at=LATER)
    (signup, key), (plan, _), (leaving, _) = news(a_book(), a_book(row), SHOP, NOW)
    assert isinstance(signup, SignupPaid)
    assert isinstance(plan, PlanChanged)
    assert (signup.plan, signup.quota_bytes, signup.email) == ("personal", 1000, "buyer@example.org")
    assert (key, signup.revision, plan.revision) == ("signup-paid:checkout-1", 0, 1)
    assert (plan.plan, plan.previous_plan, plan.quota_bytes) == ("large", "personal", 5000)
    assert type(leaving).__name__ == "CancellationScheduled"


@pytest.mark.parametrize(("trial_end", "told_end"), [(LATER, LATER), (NOW, None), (None, None)])
def test_a_trial_is_told_while_it_lasts(trial_end: datetime | None, told_end: datetime | None) -> None:
    (signup,) = told(a_book(), a_book(msgspec.structs.replace(ACTIVE, trial_end=trial_end)))
    assert isinstance(signup, SignupPaid)
    assert signup.trial_end == told_end


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, bill(), ["SubscriptionRenewed"]),
        (bill("open"), bill(), ["SubscriptionRenewed"]),
        (bill(), bill(), []),
        (None, bill("open"), []),
        (None, bill(why="subscription_create"), []),
        (bill("open", why="subscription_update"), bill(why="subscription_update"), []),
        (None, bill(stripe_subscription_id="sub_2"), []),
    ],
)
def test_a_renewal_is_a_bill_for_another_period_that_became_paid(
    before: InvoiceRow | None, after: InvoiceRow, expected: list[str]
) -> None:
    first = bill(why="subscription_create", id="bill-0", stripe_invoice_id="in_0")
    known = [first, before] if before else [first]
    assert names(a_book(ACTIVE, bills=known), a_book(ACTIVE, bills=[first, after])) == expected


def test_of_who_paid_before_bills_were_kept_old_bills_are_no_news_and_the_end_is() -> None:
    assert names(a_book(ACTIVE), a_book(ACTIVE, bills=[bill()])) == []
    ended = {**ENDED, "ended_at": None, "end_reason": None, "delete_after": None}
    assert names(a_book(changed(**ended)), a_book(changed(**ENDED))) == ["SubscriptionEnded"]


def test_a_bill_that_failed_and_is_paid_is_a_renewal_and_a_recovery_of_one_moment() -> None:
    before = a_book(changed(**FAILING), bills=[bill("open")])
    renewed, recovered = told(before, a_book(changed(revision=5), bills=[bill()]))
    assert isinstance(renewed, SubscriptionRenewed)
    assert (type(recovered).__name__, renewed.period_end, renewed.invoice_number) == (
        "PaymentRecovered",
        LATER,
        "S4-0001",
    )
    assert renewed.revision == 5


def test_a_failure_tells_what_is_owed_until_when_and_what_can_be_done() -> None:
    after = changed(**FAILING, next_attempt_at=NOW, must_confirm=True)
    (failed,) = told(a_book(ACTIVE), a_book(after, bills=[bill("open")]))
    assert isinstance(failed, PaymentFailed)
    assert (failed.amount, failed.attempt, failed.must_confirm) == (2500, 1, True)
    assert (failed.next_attempt_at, failed.suspends_at) == (NOW, LATER)


def test_news_of_one_change_has_one_revision_and_keys_of_its_own() -> None:
    after = changed(plan="large", disputed=True, cancel_at=LATER, state=State.SUSPENDED, suspended_for="disputed")
    found = list(news(a_book(ACTIVE), a_book(after), SHOP, NOW))
    assert {event.revision for event, _ in found if hasattr(event, "revision")} == {4}
    assert len({key for _, key in found}) == len(found) == 4


@pytest.mark.parametrize("reason", ["paused", "disputed", "unpaid"])
def test_a_suspension_says_why(reason: str) -> None:
    after = changed(state=State.SUSPENDED, suspended_for=reason)
    (event,) = told(a_book(ACTIVE), a_book(after))
    assert isinstance(event, ServiceSuspended)
    assert event.reason == reason


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(["dispute"], "dispute"), (["fraud-warning"], "fraud-warning"), (["fraud-warning", "dispute"], "dispute")],
)
def test_what_is_contested_is_told_by_its_gravest_kind(kinds: list[str], expected: str) -> None:
    after = a_book(changed(disputed=True), disputes=[dispute(kind) for kind in kinds])
    (event,) = told(a_book(ACTIVE), after)
    assert getattr(event, "kind", None) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, refund("succeeded"), 1),
        (None, refund("pending"), 1),
        (refund("wanted"), refund("succeeded"), 1),
        (refund("proposed"), refund("wanted"), 0),
        (refund("pending"), refund("succeeded"), 0),
        (refund("wanted"), refund("failed"), 0),
        (refund("pending"), refund("failed"), 0),
        (None, refund("succeeded", stripe_invoice_id="in_9"), 0),
    ],
)
def test_a_refund_is_told_when_the_money_is_on_its_way(
    before: RefundRow | None, after: RefundRow, expected: int
) -> None:
    known = a_book(ACTIVE, bills=[bill()], refunds=[before] if before else [])
    found = told(known, a_book(ACTIVE, bills=[bill()], refunds=[after]))
    assert [type(event) for event in found] == [RefundIssued] * expected


def test_of_a_duplicate_only_the_refund_and_the_end_are_told() -> None:
    twin = msgspec.structs.replace(ACTIVE, duplicate=True, revision=1)
    assert told(a_book(), a_book(twin)) == []
    ended = changed(twin, **{**ENDED, "end_reason": "duplicate", "delete_after": NOW})
    before = a_book(twin, bills=[bill()])
    end, back = told(before, a_book(ended, bills=[bill()], refunds=[refund("succeeded", reason="duplicate")]))
    assert isinstance(end, SubscriptionEnded)
    assert (end.reason, end.delete_after, type(back)) == ("duplicate", NOW, RefundIssued)


def test_a_duplicate_that_was_never_paid_goes_unnoticed() -> None:
    twin = msgspec.structs.replace(ACTIVE, duplicate=True, ever_paid=False)
    assert told(a_book(twin), a_book(changed(twin, **ENDED))) == []

"""What must be true of every account once nothing is under way, whatever has happened to it."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from s4_billing.books import Books
from s4_billing.derive import State
from s4_contracts import Event
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    RefundIssued,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from support.histories.inner_stripe import InnerStripe

_GRACE = timedelta(days=14)
_OVER = frozenset({"canceled", "incomplete_expired"})
# Keys, what opens a page at Stripe, and what a card has on it.
_SECRET = re.compile(r"sk_test_|rk_test_|whsec_|_secret_|/c/pay/|/p/session/|/i/acct|\b4[0-9]{15}\b|127\.0\.0\.1:\d+/")
# Of each pair the second takes back the first.
_SUSPENSION = (ServiceSuspended, ServiceResumed)
_LEAVING = (CancellationScheduled, CancellationReverted)
_DISPUTE = (DisputeOpened, DisputeClosed)
_TURNS = (_SUSPENSION, _LEAVING, _DISPUTE)


def one_live_subscription(stripe: InnerStripe, customer: str, books: Books) -> None:
    """At Stripe and here."""
    facts = stripe.listed("/v1/subscriptions", customer=customer, status="all")
    live = [fact["id"] for fact in facts if fact["status"] not in _OVER]
    assert len(live) <= 1, f"live at Stripe: {live}"
    ours = [name for name, row in books.subscriptions.items() if row.state is not State.ENDED]
    assert ours == live, f"live here: {ours}, at Stripe: {live}"
    assert set(books.subscriptions) == {fact["id"] for fact in facts}


def same_money(stripe: InnerStripe, customer: str, books: Books) -> None:
    """What was paid less what went back, for each currency."""
    theirs, ours = Counter[str](), Counter[str]()
    for charge in stripe.listed("/v1/charges", customer=customer):
        if charge["status"] == "succeeded":
            theirs[charge["currency"]] += charge["amount"] - charge["amount_refunded"]
    for bill in books.invoices.values():
        ours[bill.currency] += bill.amount_paid - bill.amount_refunded
    assert ours == theirs, f"here {ours}, at Stripe {theirs}"
    back = sum(row.amount for row in books.refunds.values() if row.is_under_way)
    gone = sum(bill.amount_refunded for bill in books.invoices.values())
    assert back == gone, f"refunds {back}, refunded of bills {gone}"


def nothing_kept_for_nothing(stripe: InnerStripe, books: Books, failed: Collection[str]) -> None:
    """What was paid for a subscription too many, or for a grid that could not be made, has gone back.

    But what is contested: that the bank gives back; and what Stripe could not send.
    """
    stuck = {row.stripe_charge_id for row in books.refunds.values() if row.is_over}
    contested = {row.stripe_charge_id for row in books.disputes.values() if row.kind == "dispute"}
    for row in books.subscriptions.values():
        if not row.duplicate and row.checkout_id not in failed:
            continue
        for bill in books.invoices_of(row.stripe_subscription_id):
            if bill.stripe_charge_id is None or bill.stripe_charge_id in stuck | contested:
                continue
            charge = stripe.call("GET", f"/v1/charges/{bill.stripe_charge_id}")
            assert charge["amount_refunded"] == charge["amount"], f"kept: {bill} of {row}"


def debts_are_known(stripe: InnerStripe, customer: str, books: Books, now: datetime) -> None:
    """Who owes is told so, is served for the time of grace, and no longer."""
    bills = stripe.listed("/v1/invoices", customer=customer)
    for fact in stripe.listed("/v1/subscriptions", customer=customer, status="past_due"):
        row = books.subscriptions[fact["id"]]
        owed = [
            bill["created"]
            for bill in bills
            if bill["status"] == "open" and bill["attempt_count"] and _is_of(bill, fact)
        ]
        if row.ever_paid and owed:
            is_over = now >= datetime.fromtimestamp(min(owed), UTC) + _GRACE
            allowed = {State.SUSPENDED} if is_over else {State.PAST_DUE, State.SUSPENDED}
            assert row.state in allowed, f"{row.state}, and owes since {min(owed)}"
            assert row.failing_invoice is not None


def _is_of(bill: dict[str, Any], fact: dict[str, Any]) -> bool:
    return bool(bill["parent"]["subscription_details"]["subscription"] == fact["id"])


def told_as_it_is(events: Iterable[Event], books: Books) -> None:
    """Each paid and kept subscription was announced once, and what was told last is what is so."""
    told: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        told[getattr(event, "subscription_id", "")].append(event)
    for row in books.subscriptions.values():
        mine = told.pop(row.id, [])
        signups = sum(isinstance(event, SignupPaid) for event in mine)
        assert signups == row.is_told, f"{signups} SignupPaid for {row}"
        assert not signups or isinstance(mine[0], SignupPaid), f"told before SignupPaid: {mine[0]}"
        _in_order(mine)
        if not row.is_told:
            continue
        ended = sum(isinstance(event, SubscriptionEnded) for event in mine)
        assert ended == (row.state is State.ENDED), f"{ended} SubscriptionEnded, and it is {row.state}"
        assert _stands(mine, *_DISPUTE) == row.disputed, "disputed or not"
        tries = [event.attempt for event in mine if isinstance(event, PaymentFailed)]
        assert row.failing_invoice is None or row.attempts in tries, f"of {row.attempts} tries was told {tries}"
        if row.state is not State.ENDED:
            assert _stands(mine, *_SUSPENSION) == (row.state is State.SUSPENDED), "suspended or not"
            assert _stands(mine, *_LEAVING) == (row.cancel_at is not None), "leaving or not"
    assert not told, f"about unknown subscriptions: {told}"


def _in_order(events: list[Event]) -> None:
    revisions = [revision for event in events if (revision := getattr(event, "revision", None)) is not None]
    assert all(first <= second for first, second in pairwise(revisions)), f"revisions fall: {revisions}"
    facts = Counter(_facts(event) for event in events)
    twice = [fact for fact, count in facts.items() if count > 1]
    assert not twice, f"told twice: {twice}"
    for on, off in _TURNS:
        turns = [type(event) for event in events if isinstance(event, on | off)]
        assert all(first is not second or first is on for first, second in pairwise(turns)), f"not in turns: {turns}"


def _facts(event: Event) -> tuple[object, ...]:
    """What makes a piece of news another one than the last of its type."""
    match event:
        case RefundIssued():
            return (RefundIssued, event.refund_id)
        case SubscriptionRenewed():
            return (SubscriptionRenewed, event.invoice_number)
        case SignupPaid() | SubscriptionEnded():
            return (type(event),)
        case _:
            said = msgspec.structs.asdict(event)
            return (type(event), *(said[name] for name in sorted(said) if name != "occurred_at"))


def _stands(events: list[Event], on: type[Event], off: type[Event]) -> bool:
    last = [event for event in events if isinstance(event, on | off)][-1:]
    return bool(last) and isinstance(last[0], on)


def no_secret(where: str, texts: Iterable[Any]) -> None:
    """Nothing in them lets anybody in or pay."""
    for text in texts:
        found = _SECRET.search(str(text))
        assert found is None, f"{where}: {text}"

"""Anything that Stripe may say of subscriptions and bills, as strategies of hypothesis."""

from hypothesis import strategies as st

from s4_stripe.facts import (
    Charge,
    Dispute,
    Ending,
    ForSubscription,
    Invoice,
    InvoicePayment,
    InvoicePayments,
    Item,
    Items,
    PaidBy,
    Parent,
    PendingUpdate,
    Price,
    Refund,
    Subscription,
)

STATUSES = [
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "paused",
    "something-new",
]
NOON = 1_795_348_800  # 2026-11-22, 12:00 UTC

bounds = st.integers(-(2**63), 2**63)
invoices = st.builds(
    Invoice,
    id=st.sampled_from(["in_1", "in_2", "in_3"]),
    status=st.sampled_from(["draft", "open", "paid", "uncollectible", "void", "new"]) | st.none(),
    created=bounds | st.integers(NOON - 10**7, NOON),
    attempt_count=st.integers(0, 10),
    billing_reason=st.sampled_from(["subscription_cycle", "subscription_update", None]),
    next_payment_attempt=st.none() | bounds,
)
facts = st.builds(
    Subscription,
    id=st.just("sub_1"),
    status=st.sampled_from(STATUSES) | st.text(max_size=12),
    created=st.integers(0, 2**40),
    items=st.builds(Items, st.lists(st.builds(Item, st.just(Price("price_1", "usd")), bounds), max_size=3)),
    latest_invoice=st.none() | invoices,
    cancel_at=st.none() | bounds,
    cancel_at_period_end=st.booleans(),
    canceled_at=st.none() | bounds,
    ended_at=st.none() | bounds,
    trial_end=st.none() | bounds,
    cancellation_details=st.none() | st.builds(Ending, st.none() | st.text(max_size=25)),
    pending_update=st.none() | st.builds(PendingUpdate, bounds),
    metadata=st.dictionaries(
        st.sampled_from(["previous_plan", "previous_until", "s4_end_reason"]),
        st.sampled_from(["small", "duplicate", "1800000000"]) | st.text(max_size=20),
    ),
)


def bill(name: str, subscription: str, charge: str) -> st.SearchStrategy[Invoice]:
    """A bill of the subscription, paid by the charge if it was paid."""
    paid_by = InvoicePayments([InvoicePayment("inpay_1", "paid", PaidBy(charge=charge))])
    return st.builds(
        Invoice,
        id=st.just(name),
        status=st.sampled_from(["draft", "open", "paid", "void"]),
        created=st.integers(NOON - 10**7, NOON),
        attempt_count=st.integers(0, 4),
        billing_reason=st.sampled_from(["subscription_cycle", "subscription_create"]),
        amount_paid=st.integers(0, 9900),
        currency=st.just("usd"),
        parent=st.just(Parent(ForSubscription(subscription))),
        payments=st.just(paid_by),
    )


def charge(name: str) -> st.SearchStrategy[Charge]:
    """A charge, of which some may have been paid back."""
    return st.builds(
        Charge,
        id=st.just(name),
        status=st.sampled_from(["succeeded", "failed"]),
        amount=st.integers(1, 9900),
        currency=st.just("usd"),
        created=st.just(NOON),
        amount_refunded=st.integers(0, 1),
        disputed=st.booleans(),
    )


def refund(name: str, of: str) -> st.SearchStrategy[Refund]:
    """A refund of the charge."""
    return st.builds(
        Refund,
        id=st.just(name),
        status=st.sampled_from(["pending", "requires_action", "succeeded", "failed", "canceled", "new"]),
        amount=st.integers(1, 9900),
        currency=st.just("usd"),
        created=st.just(NOON),
        charge=st.just(of),
        metadata=st.sampled_from([None, {}, {"s4_reason": "duplicate"}, {"s4_reason": "nonsense"}]),
    )


def dispute(name: str, of: str) -> st.SearchStrategy[Dispute]:
    """A dispute of the charge."""
    return st.builds(
        Dispute,
        id=st.just(name),
        status=st.sampled_from(["needs_response", "under_review", "won", "lost", "warning_closed", "new"]),
        reason=st.sampled_from(["fraudulent", "duplicate"]),
        amount=st.integers(1, 9900),
        currency=st.just("usd"),
        created=st.just(NOON),
        charge=st.just(of),
    )

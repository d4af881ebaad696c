"""The derived state: a table of what each fact means, and what must hold whatever Stripe says."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_billing.derive import (
    EXPECTED,
    CheckoutState,
    Derived,
    Known,
    State,
    checkout_state,
    subscription_state,
)
from s4_stripe.facts import Invoice, Item, Items, Price, Session, Subscription

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GRACE = timedelta(days=14)
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


def invoice(status: str | None, *, attempts: int = 0, age: timedelta = timedelta(days=1)) -> Invoice:
    return Invoice(id="in_1", status=status, created=int((NOW - age).timestamp()), attempt_count=attempts)


def subscription(status: str, latest: Invoice | None = None, *, ends: int | None = None) -> Subscription:
    item = Item(price=Price("price_1", "usd"), current_period_end=ends or int(NOW.timestamp()) + 86400)
    return Subscription(
        id="sub_1", status=status, created=int(NOW.timestamp()), items=Items([item]), latest_invoice=latest
    )


def derive(fact: Subscription, known: Known | None = None, *, now: datetime = NOW) -> Derived:
    return subscription_state(now, fact, known, GRACE)


PAID = invoice("paid", attempts=1)
FAILED = invoice("open", attempts=1)
OVERDUE = invoice("open", attempts=4, age=timedelta(days=15))
WAITING = invoice("open")


@pytest.mark.parametrize(
    ("status", "latest", "ever_paid", "expected"),
    [
        ("active", PAID, False, State.ACTIVE),
        ("active", WAITING, False, State.PENDING),
        ("active", None, False, State.PENDING),
        ("active", FAILED, False, State.PENDING),
        ("active", WAITING, True, State.ACTIVE),
        ("active", invoice("draft"), True, State.ACTIVE),
        ("active", FAILED, True, State.PAST_DUE),
        ("active", OVERDUE, True, State.SUSPENDED),
        ("trialing", None, False, State.ACTIVE),
        ("trialing", PAID, False, State.ACTIVE),
        ("incomplete", FAILED, False, State.PENDING),
        ("incomplete_expired", FAILED, False, State.ENDED),
        ("past_due", FAILED, True, State.PAST_DUE),
        ("past_due", OVERDUE, True, State.SUSPENDED),
        ("past_due", None, True, State.PAST_DUE),
        ("past_due", FAILED, False, State.PENDING),
        ("unpaid", OVERDUE, True, State.SUSPENDED),
        ("unpaid", OVERDUE, False, State.PENDING),
        ("paused", PAID, True, State.SUSPENDED),
        ("canceled", PAID, True, State.ENDED),
        ("canceled", None, False, State.ENDED),
    ],
)
def test_each_status_with_its_invoice_means_one_state(
    status: str, latest: Invoice | None, *, ever_paid: bool, expected: State
) -> None:
    known = Known(State.ACTIVE, ever_paid=True) if ever_paid else None
    assert derive(subscription(status, latest), known).state is expected


def test_grace_ends_exactly_after_its_length() -> None:
    bill = invoice("open", attempts=1, age=GRACE)
    known = Known(State.PAST_DUE, ever_paid=True)
    assert derive(subscription("past_due", bill), known).state is State.PAST_DUE
    assert derive(subscription("past_due", bill), known, now=NOW + timedelta(seconds=1)).state is State.SUSPENDED


@pytest.mark.parametrize("previous", list(State))
def test_an_unknown_status_keeps_the_state_and_says_so(previous: State) -> None:
    derived = derive(subscription("something-new", PAID), Known(previous, ever_paid=True))
    assert derived.state is previous
    assert derived.unknown_status


def test_an_unknown_status_of_a_new_subscription_gives_nothing_away() -> None:
    derived = derive(subscription("something-new", PAID))
    assert (derived.state, derived.ever_paid, derived.unknown_status) == (State.PENDING, False, True)


def test_a_cancellation_is_scheduled_by_either_field() -> None:
    end = int(NOW.timestamp()) + 5000
    by_portal = msgspec.structs.replace(subscription("active", PAID), cancel_at=end)
    by_api = msgspec.structs.replace(subscription("active", PAID, ends=end), cancel_at_period_end=True)
    assert derive(by_portal).cancel_at == derive(by_api).cancel_at == datetime.fromtimestamp(end, UTC)
    assert derive(subscription("active", PAID)).cancel_at is None


def test_a_jump_from_ended_to_active_is_followed_and_reported() -> None:
    derived = derive(subscription("active", PAID), Known(State.ENDED, ever_paid=True))
    assert derived.state is State.ACTIVE
    assert derived.unexpected


def test_staying_and_every_step_of_a_usual_life_are_expected() -> None:
    life = [
        subscription("incomplete", FAILED),
        subscription("active", PAID),
        subscription("active", PAID),
        subscription("past_due", FAILED),
        subscription("active", PAID),
        subscription("past_due", FAILED),
        subscription("unpaid", OVERDUE),
        subscription("canceled", OVERDUE),
    ]
    known: Known | None = None
    for fact in life:
        derived = derive(fact, known)
        assert not derived.unexpected, fact.status
        known = Known(derived.state, derived.ever_paid)


def test_a_subscription_without_items_has_no_period() -> None:
    empty = msgspec.structs.replace(subscription("active", PAID), items=Items([]))
    assert derive(empty).period_end is None


facts = st.builds(
    Subscription,
    id=st.just("sub_1"),
    status=st.sampled_from(STATUSES) | st.text(max_size=12),
    created=st.integers(0, 2**40),
    items=st.builds(
        Items,
        st.lists(
            st.builds(Item, st.just(Price("price_1", "usd")), st.integers(-(2**63), 2**63)),
            max_size=3,
        ),
    ),
    latest_invoice=st.none()
    | st.builds(
        Invoice,
        st.just("in_1"),
        st.sampled_from(["draft", "open", "paid", "uncollectible", "void", "new"]) | st.none(),
        st.integers(-(2**63), 2**63),
        st.integers(0, 10),
    ),
    cancel_at=st.none() | st.integers(-(2**63), 2**63),
    cancel_at_period_end=st.booleans(),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  st adds it
knowns = st.none() | st.builds(Known, st.sampled_from(State), st.booleans())


@given(moments, facts, knowns)
def test_every_fact_has_a_state(now: datetime, fact: Subscription, known: Known | None) -> None:
    derived = subscription_state(now, fact, known, GRACE)
    assert derived.state in State
    assert derived.period_end is None or derived.period_end.tzinfo is UTC


@given(moments, facts, knowns)
def test_deriving_again_changes_nothing(now: datetime, fact: Subscription, known: Known | None) -> None:
    once = subscription_state(now, fact, known, GRACE)
    twice = subscription_state(now, fact, Known(once.state, once.ever_paid), GRACE)
    assert msgspec.structs.replace(twice, unexpected=False) == msgspec.structs.replace(once, unexpected=False)
    assert not twice.unexpected


@given(moments, st.lists(facts, max_size=6), facts)
def test_the_order_of_what_came_before_does_not_matter_for_a_known_status(
    now: datetime, history: list[Subscription], last: Subscription
) -> None:
    """Two replicas that saw the same facts in other orders end with the same row."""

    def follow(order: list[Subscription]) -> Derived:
        known: Known | None = None
        for fact in order:
            derived = subscription_state(now, fact, known, GRACE)
            known = Known(derived.state, derived.ever_paid)
        return subscription_state(now, last, known, GRACE)

    forth, back = follow(history), follow(history[::-1])
    assert forth.ever_paid == back.ever_paid
    if not forth.unknown_status:
        assert forth.state is back.state


@given(moments, facts, knowns)
def test_nobody_who_never_paid_is_entitled(now: datetime, fact: Subscription, known: Known | None) -> None:
    derived = subscription_state(now, fact, known, GRACE)
    if not derived.ever_paid and not derived.unknown_status:
        assert derived.state in {State.PENDING, State.ENDED}


@given(moments, facts, knowns)
def test_what_was_paid_once_stays_paid(now: datetime, fact: Subscription, known: Known | None) -> None:
    if known is not None and known.ever_paid:
        assert subscription_state(now, fact, known, GRACE).ever_paid


def test_the_table_of_expected_jumps_names_every_state() -> None:
    assert set(EXPECTED) == set(State)


def session(status: str, payment: str = "unpaid") -> Session:
    return msgspec.convert(
        {"id": "cs_1", "status": status, "payment_status": payment, "expires_at": 0}, Session, strict=False
    )


@pytest.mark.parametrize(
    ("previous", "seen", "paid", "expected"),
    [
        (CheckoutState.OPEN, session("open"), False, CheckoutState.OPEN),
        (CheckoutState.OPEN, session("expired"), False, CheckoutState.EXPIRED),
        (CheckoutState.OPEN, session("complete"), False, CheckoutState.PENDING),
        (CheckoutState.OPEN, session("complete", "paid"), True, CheckoutState.PAID),
        (CheckoutState.EXPIRED, session("expired"), True, CheckoutState.PAID),
        (CheckoutState.PAID, session("expired"), False, CheckoutState.PAID),
        (CheckoutState.OPEN, None, False, CheckoutState.OPEN),
        (CheckoutState.PENDING, None, False, CheckoutState.PENDING),
    ],
)
def test_a_checkout_follows_its_session_but_money_beats_bookkeeping(
    previous: CheckoutState, seen: Session | None, *, paid: bool, expected: CheckoutState
) -> None:
    assert checkout_state(previous, seen, paid=paid) is expected

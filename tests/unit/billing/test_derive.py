"""The derived state: a table of what each fact means, and what must hold whatever Stripe says."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_billing.derive import (
    EXPECTED,
    Around,
    CheckoutState,
    Contest,
    Derived,
    Known,
    Policy,
    State,
    checkout_state,
    subscription_state,
)
from s4_stripe.facts import Ending, Invoice, Item, Items, PendingUpdate, Price, Session, Subscription
from support.stripe_facts import facts, invoices

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = timedelta(days=14)
POLICY = Policy(grace=GRACE, retention=timedelta(days=30))
FRAUD = Contest(is_open=True, is_fraud_dispute=True)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def invoice(
    status: str | None, *, attempts: int = 0, age: timedelta = DAY, name: str = "in_1", why: str | None = None
) -> Invoice:
    return Invoice(id=name, status=status, created=unix(NOW - age), attempt_count=attempts, billing_reason=why)


def subscription(status: str, latest: Invoice | None = None, *, ends: int | None = None) -> Subscription:
    item = Item(price=Price("price_1", "usd"), current_period_end=ends or unix(NOW + DAY))
    return Subscription(id="sub_1", status=status, created=unix(NOW), items=Items([item]), latest_invoice=latest)


def derive(
    fact: Subscription, known: Known | None = None, *, now: datetime = NOW, around: Around | None = None
) -> Derived:
    return subscription_state(now, fact, known, POLICY, around or Around())


def remembered(derived: Derived) -> Known:
    """What a row keeps of it for the next time."""
    return Known(
        derived.state,
        derived.ever_paid,
        ended_at=derived.ended_at,
        suspended_for=derived.suspended_for,
        delete_after=derived.delete_after,
    )


PAID = invoice("paid", attempts=1)
FAILED = invoice("open", attempts=1)
OVERDUE = invoice("open", attempts=4, age=15 * DAY)
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


def test_grace_ends_exactly_after_its_length_and_says_so_before() -> None:
    fact, known = subscription("past_due", FAILED), Known(State.PAST_DUE, ever_paid=True)
    early = derive(fact, known)
    end = NOW - DAY + GRACE
    assert (early.suspends_at, early.review_at, early.suspended_for) == (end, end, None)
    assert derive(fact, known, now=end - timedelta(microseconds=1)).state is State.PAST_DUE
    late = derive(fact, known, now=end)
    assert (late.state, late.suspended_for, late.review_at) == (State.SUSPENDED, "unpaid", None)


def test_the_oldest_bill_that_failed_counts_whichever_came_last() -> None:
    elder = invoice("open", attempts=4, age=20 * DAY, name="in_0")
    known = Known(State.PAST_DUE, ever_paid=True)
    derived = derive(subscription("past_due", FAILED), known, around=Around(invoices=[FAILED, elder]))
    assert (derived.failing_invoice, derived.attempts, derived.state) == ("in_0", 4, State.SUSPENDED)
    active = derive(subscription("active", PAID), known, around=Around(invoices=[PAID, elder]))
    assert (active.failing_invoice, active.state) == (None, State.ACTIVE)


def test_a_bill_for_a_change_of_plan_that_waits_for_its_payment_is_not_owed() -> None:
    bill = invoice("open", attempts=1, why="subscription_update")
    fact = msgspec.structs.replace(subscription("active", bill), pending_update=PendingUpdate(unix(NOW + DAY)))
    assert derive(fact, Known(State.ACTIVE, ever_paid=True)).state is State.ACTIVE


def test_a_bill_that_the_cardholder_must_confirm_is_told_apart() -> None:
    fact, known = subscription("past_due", FAILED), Known(State.PAST_DUE, ever_paid=True)
    assert derive(fact, known, around=Around(to_confirm=frozenset({"in_1"}))).must_confirm
    assert not derive(fact, known, around=Around(to_confirm=frozenset({"in_2"}))).must_confirm


def test_any_bill_that_was_paid_counts_even_when_it_is_not_the_latest_or_the_end_has_come() -> None:
    around = Around(invoices=[FAILED, PAID])
    assert derive(subscription("past_due", FAILED), around=around).state is State.PAST_DUE
    ended = derive(subscription("canceled", FAILED), around=around)
    assert (ended.state, ended.ever_paid) == (State.ENDED, True)


@pytest.mark.parametrize(
    ("status", "contest", "state", "reason"),
    [
        ("active", FRAUD, State.SUSPENDED, "disputed"),
        ("past_due", FRAUD, State.SUSPENDED, "disputed"),
        ("unpaid", FRAUD, State.SUSPENDED, "unpaid"),
        ("paused", FRAUD, State.SUSPENDED, "paused"),
        ("incomplete", FRAUD, State.PENDING, None),
        ("canceled", FRAUD, State.ENDED, None),
        ("active", Contest(is_open=True), State.ACTIVE, None),
    ],
)
def test_what_is_called_fraud_is_not_served_while_it_is_undecided(
    status: str, contest: Contest, state: State, reason: str | None
) -> None:
    fact, around = subscription(status, PAID), Around(contests=[contest], invoices=[PAID])
    derived = derive(fact, around=around)
    assert (derived.state, derived.suspended_for, derived.disputed) == (state, reason, True)


def test_a_dispute_that_is_decided_contests_nothing_and_the_policy_may_serve_on() -> None:
    fact = subscription("active", PAID)
    closed = derive(fact, around=Around(contests=[Contest(is_open=False, is_fraud_dispute=True)]))
    assert (closed.state, closed.disputed) == (State.ACTIVE, False)
    lenient = subscription_state(NOW, fact, None, Policy(suspend_on_fraud=False), Around(contests=[FRAUD]))
    assert (lenient.state, lenient.disputed) == (State.ACTIVE, True)


@pytest.mark.parametrize(
    ("reason", "metadata", "duplicate", "told"),
    [
        ("cancellation_requested", {}, False, "cancelled"),
        ("payment_failed", {}, False, "unpaid"),
        ("payment_disputed", {}, False, "disputed"),
        (None, {}, False, "other"),
        ("a-new-one", {}, False, "other"),
        ("cancellation_requested", {"s4_end_reason": "not-provided"}, False, "not-provided"),
        ("cancellation_requested", {"s4_end_reason": "nonsense"}, False, "cancelled"),
        ("cancellation_requested", {}, True, "duplicate"),
    ],
)
def test_why_it_ended_decides_for_how_long_what_is_stored_is_kept(
    reason: str | None, metadata: dict[str, str], *, duplicate: bool, told: str
) -> None:
    fact = msgspec.structs.replace(
        subscription("canceled", PAID),
        ended_at=unix(NOW - DAY),
        cancellation_details=Ending(reason),
        metadata=metadata,
    )
    derived = derive(fact, Known(State.ACTIVE, ever_paid=True, duplicate=duplicate))
    assert (derived.end_reason, derived.ended_at) == (told, NOW - DAY)
    kept = timedelta() if told in {"not-provided", "duplicate"} else POLICY.retention
    assert derived.delete_after == NOW - DAY + kept


def test_an_end_without_a_time_is_as_old_as_when_it_was_first_seen() -> None:
    first = derive(subscription("incomplete_expired"))
    again = derive(subscription("incomplete_expired"), remembered(first), now=NOW + DAY)
    assert (first.ended_at, again.ended_at, again.end_reason) == (NOW, NOW, "unpaid")


def test_a_lower_plan_holds_only_when_what_was_paid_for_is_over() -> None:
    later = NOW + 10 * DAY
    told = {"previous_plan": "large", "previous_until": str(unix(later))}
    fact = msgspec.structs.replace(subscription("active", PAID), metadata=told)
    before, after = (derive(fact, now=now, around=Around(plan="small")) for now in (NOW, later))
    assert (before.plan, before.pending_plan, before.pending_plan_at, before.review_at) == (
        "large",
        "small",
        later,
        later,
    )
    assert (after.plan, after.pending_plan, after.pending_plan_at, after.review_at) == ("small", None, None, None)


@pytest.mark.parametrize("until", ["", "soon", "-1", "9" * 40, "\u0661"])
def test_a_change_of_plan_at_no_time_is_none(until: str) -> None:
    told = {"previous_plan": "large", "previous_until": until}
    fact = msgspec.structs.replace(subscription("active", PAID), metadata=told)
    assert derive(fact, around=Around(plan="small")).plan == "small"


def test_a_trial_is_service_without_money() -> None:
    fact = msgspec.structs.replace(subscription("trialing"), trial_end=unix(NOW + DAY))
    derived = derive(fact)
    assert (derived.state, derived.ever_paid, derived.trial_end) == (State.ACTIVE, True, NOW + DAY)


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
        known = remembered(derived)


def test_a_subscription_without_items_has_no_period() -> None:
    empty = msgspec.structs.replace(subscription("active", PAID), items=Items([]))
    assert derive(empty).period_end is None


arounds = st.builds(
    Around,
    invoices=st.lists(invoices, max_size=3),
    contests=st.lists(st.builds(Contest, st.booleans(), st.booleans()), max_size=3),
    plan=st.sampled_from([None, "small", "large"]),
    to_confirm=st.frozensets(st.sampled_from(["in_1", "in_2"])),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  st adds it
knowns = st.none() | st.builds(Known, st.sampled_from(State), st.booleans(), st.booleans(), st.none() | moments)


@given(moments, facts, knowns, arounds)
def test_every_fact_has_a_state(now: datetime, fact: Subscription, known: Known | None, around: Around) -> None:
    derived = subscription_state(now, fact, known, POLICY, around)
    assert derived.state in State
    assert (derived.state is State.ENDED) == (derived.ended_at is not None) == (derived.end_reason is not None)
    assert (derived.state is State.SUSPENDED) == (derived.suspended_for is not None)
    for value in msgspec.structs.astuple(derived):
        assert not isinstance(value, datetime) or value.tzinfo is UTC


@pytest.mark.parametrize(
    ("known", "since"),
    [
        (Known(State.ACTIVE, ever_paid=True), NOW - timedelta(days=90)),
        (Known(State.ENDED, ever_paid=True), NOW),
        (
            Known(State.ENDED, ever_paid=True, ended_at=NOW, delete_after=NOW + timedelta(days=3)),
            NOW - timedelta(days=27),
        ),
    ],
)
def test_data_is_kept_from_the_end_or_from_when_it_is_told_and_a_date_that_was_told_holds(
    known: Known, since: datetime
) -> None:
    fact = msgspec.structs.replace(subscription("canceled", PAID), ended_at=unix(NOW - 90 * DAY))
    assert derive(fact, known).delete_after == since + timedelta(days=30)


@given(moments, facts, knowns, arounds)
def test_deriving_again_changes_nothing(now: datetime, fact: Subscription, known: Known | None, around: Around) -> None:
    once = subscription_state(now, fact, known, POLICY, around)
    mine = msgspec.structs.replace(remembered(once), duplicate=known is not None and known.duplicate)
    twice = subscription_state(now, fact, mine, POLICY, around)
    assert msgspec.structs.replace(twice, unexpected=False) == msgspec.structs.replace(once, unexpected=False)
    assert not twice.unexpected


@given(moments, facts, knowns, arounds, st.floats(0, 1))
def test_until_it_is_to_be_reviewed_the_clock_changes_nothing(
    now: datetime, fact: Subscription, known: Known | None, around: Around, part: float
) -> None:
    once = subscription_state(now, fact, known, POLICY, around)
    until = once.review_at or now + timedelta(days=3650)
    assert until > now
    between = now + (until - now) * part * 0.999
    mine = msgspec.structs.replace(remembered(once), duplicate=known is not None and known.duplicate)
    later = subscription_state(between, fact, mine, POLICY, around)
    assert msgspec.structs.replace(later, unexpected=False) == msgspec.structs.replace(once, unexpected=False)


@given(moments, facts, arounds, st.randoms())
def test_the_order_in_which_facts_are_listed_does_not_matter(
    now: datetime, fact: Subscription, around: Around, random: Random
) -> None:
    bills = list({bill.id: bill for bill in around.invoices}.values())
    around = msgspec.structs.replace(around, invoices=bills)
    mixed = msgspec.structs.replace(
        around,
        invoices=random.sample(bills, len(bills)),
        contests=random.sample(list(around.contests), len(around.contests)),
    )
    assert subscription_state(now, fact, None, POLICY, mixed) == subscription_state(now, fact, None, POLICY, around)


@given(moments, st.lists(facts, max_size=6), facts, arounds)
def test_the_order_of_what_came_before_does_not_matter_for_a_known_status(
    now: datetime, history: list[Subscription], last: Subscription, around: Around
) -> None:
    """Two replicas that saw the same facts in other orders, or twice, end with the same row.

    Of an end they may have told another date of deletion, and a date that was told holds: at Stripe an end is the last.
    """

    def follow(order: list[Subscription]) -> Derived:
        known: Known | None = None
        for fact in order:
            known = remembered(subscription_state(now, fact, known, POLICY, around))
        return subscription_state(now, last, known, POLICY, around)

    forth, back, twice = follow(history), follow(history[::-1]), follow([*history, *history])
    assert forth.ever_paid == back.ever_paid == twice.ever_paid
    if not forth.unknown_status and not (forth.state is State.ENDED and last.ended_at is None):
        was_told = any(each.status in {"canceled", "incomplete_expired"} for each in history)
        left_out = {"unexpected": False, **({"delete_after": None} if was_told else {})}
        without = [msgspec.structs.replace(each, **left_out) for each in (forth, back, twice)]
        assert without[0] == without[1] == without[2]


@given(moments, facts, knowns, arounds)
def test_nobody_who_never_paid_is_entitled(
    now: datetime, fact: Subscription, known: Known | None, around: Around
) -> None:
    derived = subscription_state(now, fact, known, POLICY, around)
    if not derived.ever_paid and not derived.unknown_status:
        assert derived.state in {State.PENDING, State.ENDED}


@given(moments, facts, knowns, arounds)
def test_what_was_paid_once_stays_paid(now: datetime, fact: Subscription, known: Known | None, around: Around) -> None:
    if known is not None and known.ever_paid:
        assert subscription_state(now, fact, known, POLICY, around).ever_paid


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

"""Our state, computed from what Stripe says now. Pure and total: same facts, same state, in any order of events.

Nothing here remembers a step. What we knew before matters in five ways only: a status that we do not know keeps the
state as it was, what was paid stays paid, a subscription that should never have been (duplicate) stays one, a date of
deletion that was told holds, and a jump outside the expected ones is reported (and followed: Stripe is right).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from s4_stripe.facts import Invoice, Session, Subscription


class State(StrEnum):
    """Where a subscription is. Active and past due entitle to the service; suspended entitles to nothing but return."""

    PENDING = "pending"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    SUSPENDED = "suspended"
    ENDED = "ended"


class CheckoutState(StrEnum):
    """Where a checkout is. Pending: the person is done, the money is not here yet."""

    OPEN = "open"
    EXPIRED = "expired"
    PENDING = "pending"
    PAID = "paid"


EndReason = Literal["cancelled", "unpaid", "disputed", "not-provided", "duplicate", "other"]
SuspendedFor = Literal["unpaid", "disputed", "paused"]

# Set at Stripe by our own cancellation, which knows why.
END_REASON = "s4_end_reason"
# Set at Stripe by a change of plan that takes effect later: which plan holds until when (Unix seconds).
PREVIOUS_PLAN, PREVIOUS_UNTIL = "previous_plan", "previous_until"

_OF_STRIPE: Mapping[str | None, EndReason] = MappingProxyType(
    {"cancellation_requested": "cancelled", "payment_failed": "unpaid", "payment_disputed": "disputed"}
)
# What was never used, or never should have been, is not kept.
_NOT_KEPT = frozenset({"not-provided", "duplicate"})

# Which states may follow which without a person having to wonder.
EXPECTED: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PENDING: frozenset({State.ACTIVE, State.ENDED}),
        State.ACTIVE: frozenset({State.PAST_DUE, State.SUSPENDED, State.ENDED}),
        State.PAST_DUE: frozenset({State.ACTIVE, State.SUSPENDED, State.ENDED}),
        State.SUSPENDED: frozenset({State.ACTIVE, State.PAST_DUE, State.ENDED}),
        State.ENDED: frozenset(),
    }
)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator has decided: service without payment for ``grace``, data without service for ``retention``."""

    grace: timedelta = timedelta(days=14)
    retention: timedelta = timedelta(days=30)
    suspend_on_fraud: bool = True


class Known(msgspec.Struct, frozen=True):
    """What our row said before."""

    state: State
    ever_paid: bool
    duplicate: bool = False
    ended_at: datetime | None = None
    suspended_for: SuspendedFor | None = None
    delete_after: datetime | None = None


class Contest(msgspec.Struct, frozen=True):
    """A dispute or a warning about a charge of the subscription."""

    is_open: bool
    is_fraud_dispute: bool = False


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What else Stripe says that bears on a subscription: its bills, what contests them, the plan of its price."""

    invoices: Sequence[Invoice] = ()
    contests: Sequence[Contest] = ()
    plan: str | None = None
    to_confirm: frozenset[str] = frozenset()  # bills that wait for the cardholder


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """What our row shall say. ``ever_paid`` never turns back to false.

    ``review_at`` is the next moment at which the clock alone changes the answer.
    """

    state: State
    ever_paid: bool
    period_end: datetime | None
    cancel_at: datetime | None
    trial_end: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    delete_after: datetime | None
    failing_invoice: str | None
    attempts: int
    next_attempt_at: datetime | None
    suspends_at: datetime | None
    must_confirm: bool
    suspended_for: SuspendedFor | None
    disputed: bool
    plan: str | None
    pending_plan: str | None
    pending_plan_at: datetime | None
    review_at: datetime | None
    unknown_status: bool = False
    unexpected: bool = False


def subscription_state(
    now: datetime, fact: Subscription, known: Known | None, policy: Policy, around: Around
) -> Derived:
    """What the subscription means for us at ``now``."""
    ever_paid = _is_paid(fact, around) or (known is not None and known.ever_paid)
    failing = _failing(fact, around) if ever_paid else None
    suspends_at = _later(moment(failing.created), policy.grace) if failing else None
    is_over = suspends_at is not None and now >= suspends_at
    owing = (State.SUSPENDED if is_over else State.PAST_DUE) if failing else None
    found = _state(fact, owing, ever_paid=ever_paid)
    is_fraud = policy.suspend_on_fraud and any(each.is_open and each.is_fraud_dispute for each in around.contests)
    state = State.SUSPENDED if is_fraud and found in {State.ACTIVE, State.PAST_DUE} else found
    previous = known.state if known else None
    settled = state or previous or State.PENDING
    plan, pending, switch_at = _plans(now, fact, around.plan)
    period_end = max((item.current_period_end for item in fact.items.data), default=None)
    ended = _ended(now, fact, known, policy) if settled is State.ENDED else _NOT_ENDED
    return Derived(
        state=settled,
        ever_paid=ever_paid,
        period_end=moment(period_end),
        cancel_at=moment(fact.cancel_at or (period_end if fact.cancel_at_period_end else None)),
        trial_end=moment(fact.trial_end),
        ended_at=ended.at,
        end_reason=ended.reason,
        delete_after=ended.delete_after,
        failing_invoice=failing.id if failing else None,
        attempts=failing.attempt_count if failing else 0,
        next_attempt_at=moment(failing.next_payment_attempt) if failing else None,
        suspends_at=suspends_at,
        must_confirm=failing is not None and failing.id in around.to_confirm,
        suspended_for=_suspended_for(fact, found, settled, known),
        disputed=any(each.is_open for each in around.contests),
        plan=plan,
        pending_plan=pending,
        pending_plan_at=switch_at,
        review_at=min(_coming(now, switch_at, suspends_at if found is State.PAST_DUE else None), default=None),
        unknown_status=found is None,
        unexpected=previous is not None and settled != previous and settled not in EXPECTED[previous],
    )


def checkout_state(previous: CheckoutState, session: Session | None, *, paid: bool) -> CheckoutState:
    """What the checkout has come to. Money beats bookkeeping: a paid subscription wins over an expired session."""
    if paid or previous is CheckoutState.PAID:
        return CheckoutState.PAID
    match session.status if session else None:
        case "complete":
            return CheckoutState.PENDING
        case "expired":
            return CheckoutState.EXPIRED
        case "open":
            return CheckoutState.OPEN
        case None:
            return previous


def moment(unix: int | None) -> datetime | None:
    """None for a time that no calendar has."""
    try:
        return None if unix is None else datetime.fromtimestamp(unix, UTC)
    except (OverflowError, ValueError, OSError):
        return None


_BEGUN = frozenset({"active", "past_due", "unpaid", "paused", "canceled"})


def _is_paid(fact: Subscription, around: Around) -> bool:
    """Whether money has ever come, or Stripe itself has granted a time without it."""
    bills = [fact.latest_invoice, *around.invoices]
    has_paid = any(bill is not None and bill.status == "paid" for bill in bills)
    return fact.status == "trialing" or (has_paid and fact.status in _BEGUN)


def _failing(fact: Subscription, around: Around) -> Invoice | None:
    """The bill that could not be collected: of those the oldest, because its grace ends first.

    While Stripe calls the subscription active that can be the latest bill only; and a bill for a change of plan that
    waits for its payment is not owed: the change does not happen then.
    """
    latest = [fact.latest_invoice] if fact.latest_invoice else []
    match fact.status:
        case "trialing" | "active":
            bills = [bill for bill in latest if not (fact.pending_update and bill.billing_reason == _CHANGE)]
        case "past_due" | "unpaid":
            bills = latest + [bill for bill in around.invoices if all(bill.id != each.id for each in latest)]
        case _:
            return None
    return min(filter(_has_failed, bills), key=lambda bill: (bill.created, bill.id or ""), default=None)


_CHANGE = "subscription_update"


def _has_failed(invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.attempt_count > 0


def _state(fact: Subscription, owing: State | None, *, ever_paid: bool) -> State | None:
    """Where the subscription is, whatever is contested; ``owing`` is where a failing bill has brought it.

    None for a status that did not exist when this was written.
    """
    match fact.status:
        case "canceled" | "incomplete_expired":
            return State.ENDED
        case "incomplete":
            return State.PENDING
        case "trialing" | "active":
            state = owing or State.ACTIVE
        case "past_due":
            state = owing or State.PAST_DUE
        case "unpaid" | "paused":
            state = State.SUSPENDED
        case _:
            return None
    return state if ever_paid else State.PENDING


def _suspended_for(
    fact: Subscription, undisputed: State | None, settled: State, known: Known | None
) -> SuspendedFor | None:
    if settled is not State.SUSPENDED:
        return None
    match undisputed:
        case State.SUSPENDED:
            return "paused" if fact.status == "paused" else "unpaid"
        case None:
            return (known.suspended_for if known else None) or "unpaid"
        case _:
            return "disputed"


class _Ended(msgspec.Struct, frozen=True):
    at: datetime | None = None
    reason: EndReason | None = None
    delete_after: datetime | None = None


_NOT_ENDED = _Ended()


def _ended(now: datetime, fact: Subscription, known: Known | None, policy: Policy) -> _Ended:
    at = moment(fact.ended_at) or moment(fact.canceled_at) or (known.ended_at if known else None) or now
    reason = _end_reason(fact, known)
    if reason in _NOT_KEPT:
        return _Ended(at, reason, at)
    known_end = known if known is not None and known.state is State.ENDED else None
    if known_end is not None and known_end.delete_after is not None:
        return _Ended(at, reason, known_end.delete_after)  # as it was told
    # Of an end of which nobody was told, what is promised begins now.
    since = now if known_end is not None and known_end.ended_at is None else at
    return _Ended(at, reason, _later(since, policy.retention))


_END_REASONS: tuple[EndReason, ...] = get_args(EndReason)


def _end_reason(fact: Subscription, known: Known | None) -> EndReason:
    if known is not None and known.duplicate:
        return "duplicate"
    told = next((reason for reason in _END_REASONS if reason == fact.metadata.get(END_REASON)), None)
    if told is not None:
        return told
    if fact.status == "incomplete_expired":
        return "unpaid"
    return _OF_STRIPE.get(fact.cancellation_details.reason if fact.cancellation_details else None, "other")


def _plans(now: datetime, fact: Subscription, plan: str | None) -> tuple[str | None, str | None, datetime | None]:
    """The plan that holds, and the one that follows it with the moment of the change."""
    previous, until = fact.metadata.get(PREVIOUS_PLAN), _unix(fact.metadata.get(PREVIOUS_UNTIL))
    if not previous or until is None or plan is None or previous == plan or now >= until:
        return plan, None, None
    return previous, plan, until


def _unix(text: str | None) -> datetime | None:
    return moment(int(text)) if text and text.isascii() and text.isdigit() and len(text) < _DIGITS else None


_DIGITS = 15  # of Unix seconds that a calendar has, and to spare


def _later(since: datetime | None, by: timedelta) -> datetime | None:
    """None beyond the end of the calendar."""
    try:
        return since + by if since else None
    except OverflowError:
        return None


def _coming(now: datetime, *moments: datetime | None) -> Iterator[datetime]:
    return (each for each in moments if each is not None and each > now)

"""Our state, computed from what Stripe says now. Pure and total: same facts, same state, in any order of events.

Nothing here remembers a step. What we knew before matters in three ways only: a status that we do not know keeps the
state as it was, a renewal that is still being collected does not take away what was paid, and a jump outside the
expected ones is reported (and followed: Stripe is right).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import msgspec

from s4_stripe.facts import Invoice, Session, Subscription


class State(StrEnum):
    """Where a subscription is. Active and past due entitle to the service; suspended entitles to read."""

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


class Known(msgspec.Struct, frozen=True):
    """What our row said before."""

    state: State
    ever_paid: bool


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """What our row shall say. ``ever_paid`` never turns back to false."""

    state: State
    ever_paid: bool
    period_end: datetime | None
    cancel_at: datetime | None
    unknown_status: bool = False
    unexpected: bool = False


def subscription_state(now: datetime, fact: Subscription, known: Known | None, grace: timedelta) -> Derived:
    """What the subscription means for us at ``now``."""
    paid_now = _is_paid(fact)
    ever_paid = paid_now or (known is not None and known.ever_paid)
    state = _state(now, fact, ever_paid=ever_paid, grace=grace)
    previous = known.state if known else None
    settled = state or previous or State.PENDING
    period_end = max((item.current_period_end for item in fact.items.data), default=None)
    return Derived(
        state=settled,
        ever_paid=ever_paid,
        period_end=_moment(period_end),
        cancel_at=_moment(fact.cancel_at or (period_end if fact.cancel_at_period_end else None)),
        unknown_status=state is None,
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


def _is_paid(fact: Subscription) -> bool:
    """Whether money has come, or Stripe itself has granted a time without it."""
    if fact.status == "trialing":
        return True
    return fact.status == "active" and fact.latest_invoice is not None and fact.latest_invoice.status == "paid"


def _state(now: datetime, fact: Subscription, *, ever_paid: bool, grace: timedelta) -> State | None:
    """None for a status that did not exist when this was written."""
    match fact.status:
        case "canceled" | "incomplete_expired":
            return State.ENDED
        case "incomplete":
            return State.PENDING
        case "trialing" | "active":
            state = _overdue(now, fact.latest_invoice, grace) if _has_failed(fact.latest_invoice) else State.ACTIVE
        case "past_due":
            state = _overdue(now, fact.latest_invoice, grace)
        case "unpaid" | "paused":
            state = State.SUSPENDED
        case _:
            return None
    return state if ever_paid else State.PENDING


def _has_failed(invoice: Invoice | None) -> bool:
    return invoice is not None and invoice.status == "open" and invoice.attempt_count > 0


def _overdue(now: datetime, invoice: Invoice | None, grace: timedelta) -> State:
    """Suspended once the bill is older than the grace."""
    since = _moment(invoice.created) if invoice else None
    return State.SUSPENDED if since is not None and now - since > grace else State.PAST_DUE


def _moment(unix: int | None) -> datetime | None:
    """None for a time that no calendar has."""
    try:
        return None if unix is None else datetime.fromtimestamp(unix, UTC)
    except (OverflowError, ValueError, OSError):
        return None

"""How an account stands, in one word and in a few moments of time. Pure and total."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_runtime import money
from s4_web.accounts.account import Account, Failing

Kind = Literal["pending", "trial", "active", "leaving", "overdue", "unpaid", "disputed", "paused", "ended", "deleted"]
MomentState = Literal["done", "doing", "todo", "retrying"]

BADGES: dict[Kind, tuple[str, str]] = {
    "pending": ("Being confirmed", "quiet"),
    "trial": ("Free trial", "good"),
    "active": ("Active", "good"),
    "leaving": ("Ends soon", "warn"),
    "overdue": ("Payment failed", "warn"),
    "unpaid": ("Stopped: not paid", "bad"),
    "disputed": ("Stopped: payment contested", "bad"),
    "paused": ("Stopped", "bad"),
    "ended": ("Ended", "quiet"),
    "deleted": ("Ended and deleted", "quiet"),
}


class Moment(msgspec.Struct, frozen=True):
    """One line of the drawing: what happened, is the case, or will happen."""

    state: MomentState
    words: str
    at: datetime | None = None


def kind_of(account: Account, now: datetime) -> Kind:
    """The one word that everything on the page follows from."""
    if account.ended:
        return "deleted" if account.ended.deleted_at else "ended"
    match account.state:
        case "suspended":
            return "unpaid" if account.failing else "disputed" if account.disputed else "paused"
        case "past_due" if account.failing:
            return "overdue"
        case "active" | "past_due":
            is_trial = account.trial_end is not None and account.trial_end > now
            return "leaving" if account.cancel_at else "trial" if is_trial else "active"
        case "none" | "pending" | "ended":
            return "pending"


def moments(account: Account, now: datetime) -> tuple[Moment, ...]:
    """What was, is and comes, in order of time."""
    if account.ended:
        return _after_the_end(account)
    began = _present(account, kind_of(account, now))
    comes = [moment for moment in _future(account, now) if moment.at]
    return (began, *sorted(comes, key=lambda moment: (moment.at is None, moment.at)))


def _after_the_end(account: Account) -> tuple[Moment, ...]:
    ended = account.ended
    if ended is None:
        return ()
    over = Moment("done", "Your subscription ended", ended.at)
    if ended.reason == "not-provided":
        return (over,)
    if ended.deleted_at:
        return over, Moment("done", "What was stored was deleted", ended.deleted_at)
    if account.disputed:
        return over, Moment("doing", "What is stored is kept while a payment is contested")
    return over, Moment("todo", "What is stored is deleted", ended.delete_after)


def _present(account: Account, kind: Kind) -> Moment:
    match kind:
        case "pending":
            return Moment("doing", "Stripe is confirming your payment")
        case "trial":
            return Moment("doing", "Your grid is free of charge")
        case "overdue":
            tries = f" (try {account.failing.attempt})" if account.failing and account.failing.attempt > 1 else ""
            return Moment("retrying", f"A payment{_of(account.failing)} failed{tries}; your grid goes on")
        case "unpaid":
            return Moment("retrying", f"Your grid is stopped: a payment{_of(account.failing)} is missing")
        case "disputed" | "paused":
            return Moment("retrying", "Your grid is stopped; nothing in it is removed")
        case _:
            return Moment("doing", "Your grid is paid for")


def _future(account: Account, now: datetime) -> list[Moment]:
    comes: list[Moment] = []
    failing, leaving = account.failing, account.cancel_at
    if failing and account.state == "past_due":
        comes += [Moment("todo", "We try again to collect it", failing.next_attempt_at)]
        comes += [Moment("todo", "Your grid is stopped if it is still not paid", failing.suspends_at)]
    if account.pending_plan and not leaving:
        comes.append(Moment("todo", f"Your plan becomes {account.pending_plan.name}", account.pending_plan.at))
    if leaving:
        comes.append(Moment("todo", "Your subscription ends and your grid is stopped", leaving))
        if account.retention_days is not None:
            kept_until = leaving + timedelta(days=account.retention_days)
            comes.append(Moment("todo", "What is stored is deleted", kept_until))
    elif account.next:
        tax = " and tax" if account.next.tax_extra else ""
        comes.append(
            Moment("todo", f"{money(account.next.amount, account.next.currency)}{tax} is charged", account.next.at)
        )
    elif account.trial_end and account.trial_end > now:
        comes.append(Moment("todo", "The first payment", account.trial_end))
    elif account.period_end and account.state == "active":
        comes.append(Moment("todo", "Your plan is renewed", account.period_end))
    return comes


def _of(failing: Failing | None) -> str:
    return f" of {money(failing.amount, failing.currency)}" if failing else ""

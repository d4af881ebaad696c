"""An account as a person may see it: from our rows alone, so that it is shown while Stripe is silent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from s4_billing.catalogue import Catalogue
from s4_billing.derive import State
from s4_billing.errors import NoSuchAccount
from s4_runtime import is_id
from s4_store import Pool, Transaction

LIVE = frozenset({State.PENDING, State.ACTIVE, State.PAST_DUE, State.SUSPENDED})
BOUGHT = LIVE - {State.PENDING}


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The subscription that an account has, or had last."""

    id: str
    stripe_subscription_id: str
    checkout_id: str | None
    plan: str | None
    state: State
    revision: int
    period_end: datetime | None
    cancel_at: datetime | None
    trial_end: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    delete_after: datetime | None
    deleted_at: datetime | None
    failing_invoice: str | None
    attempts: int
    next_attempt_at: datetime | None
    suspends_at: datetime | None
    must_confirm: bool = False
    disputed: bool
    pending_plan: str | None
    pending_plan_at: datetime | None


class Bill(msgspec.Struct, frozen=True):
    """A bill of the account, under our own name for it."""

    id: str
    stripe_invoice_id: str
    number: str | None
    status: str
    total: int
    tax: int
    amount_paid: int
    amount_due: int
    amount_refunded: int
    currency: str
    created_at: datetime


async def subscription_of(where: Pool | Transaction, account_id: str) -> Held | None:
    """The live one, else the one that ended last; one that should never have been only if there was no other."""
    sql = (
        "select * from subscription where account_id = $1"
        " order by duplicate, state = 'ended', ended_at desc nulls last, created_at desc limit 1"
    )
    row = await where.fetchrow(sql, account_id)
    return msgspec.convert(dict(row), Held) if row else None


async def bills(where: Pool | Transaction, account_id: str) -> list[Bill]:
    """What was charged or is to be paid, newest first; drafts are nobody's business yet."""
    sql = "select * from invoice where account_id = $1 and status <> 'draft' order by created_at desc, id"
    return [msgspec.convert(dict(row), Bill) for row in await where.fetch(sql, account_id)]


async def view(pool: Pool, catalogue: Catalogue, account_id: str) -> Mapping[str, Any]:
    """The account in JSON. Raises NoSuchAccount."""
    known = is_id(account_id) and await pool.fetchval(
        "select true from billing_customer where account_id = $1", account_id
    )
    if not known:
        raise NoSuchAccount("no-such-account")
    held, billed = await subscription_of(pool, account_id), await bills(pool, account_id)
    sql = "select changed_at, amount, currency, state, reason from refund where account_id = $1 and state <> 'proposed'"
    refunds = await pool.fetch(f"{sql} order by created_at desc", account_id)
    return {
        "account_id": account_id,
        **_subscription(held, catalogue),
        "failing": _failing(held, billed),
        "invoices": [_bill(bill) for bill in billed],
        "refunds": [{"at": _time(row["changed_at"]), **dict(list(row.items())[1:])} for row in refunds],
        "can": _can(held),
    }


def _subscription(held: Held | None, catalogue: Catalogue) -> Mapping[str, Any]:
    if held is None:
        nothing = ("signup_id", "plan", "plan_name", "trial_end", "period_end", "cancel_at", "next", "pending_plan")
        return {**dict.fromkeys((*nothing, "ended")), "state": "none", "disputed": False, "revision": 0}
    ended = {"at": _time(held.ended_at), "reason": held.end_reason}
    ended |= {"delete_after": _time(held.delete_after), "deleted_at": _time(held.deleted_at)}
    pending = {"plan": held.pending_plan, "name": catalogue.name_of(held.pending_plan)}
    return {
        "signup_id": held.checkout_id,
        "plan": held.plan,
        "plan_name": catalogue.name_of(held.plan),
        "state": held.state.value,
        "trial_end": _time(held.trial_end),
        "period_end": _time(held.period_end),
        "cancel_at": _time(held.cancel_at),
        "next": _next(held, catalogue),
        "pending_plan": {**pending, "at": _time(held.pending_plan_at)} if held.pending_plan else None,
        "disputed": held.disputed,
        "ended": ended if held.state is State.ENDED else None,
        "revision": held.revision,
    }


def _next(held: Held, catalogue: Catalogue) -> Mapping[str, Any] | None:
    """What is charged at the end of the period, unless it is the last one."""
    plan = catalogue.plans.get(held.pending_plan or held.plan or "")
    goes_on = held.state in {State.ACTIVE, State.PAST_DUE} and held.cancel_at is None
    if plan is None or held.period_end is None or not goes_on:
        return None
    at = _time(held.period_end)
    return {"amount": plan.amount, "currency": plan.currency, "at": at, "tax_extra": catalogue.tax_extra}


def _failing(held: Held | None, billed: list[Bill]) -> Mapping[str, Any] | None:
    bill = owed(held, billed)
    if held is None or bill is None:
        return None
    return {
        "amount": bill.amount_due - bill.amount_paid,
        "currency": bill.currency,
        "attempt": held.attempts,
        "next_attempt_at": _time(held.next_attempt_at),
        "suspends_at": _time(held.suspends_at),
        "must_confirm": held.must_confirm,
    }


def owed(held: Held | None, billed: list[Bill]) -> Bill | None:
    """The bill of a live subscription that could not be collected."""
    if held is None or held.state not in BOUGHT:
        return None
    return next((bill for bill in billed if bill.stripe_invoice_id == held.failing_invoice), None)


def _bill(bill: Bill) -> Mapping[str, Any]:
    shown = msgspec.structs.asdict(bill)
    hidden = {"stripe_invoice_id", "created_at", "amount_due"}
    return {"at": _time(bill.created_at), **{name: value for name, value in shown.items() if name not in hidden}}


def _can(held: Held | None) -> Mapping[str, bool]:
    if held is None:
        return dict.fromkeys(("cancel", "resume", "change_plan", "pay"), False)
    return {
        "cancel": held.state in BOUGHT and held.cancel_at is None,
        "resume": held.state in BOUGHT and held.cancel_at is not None,
        "change_plan": held.state is State.ACTIVE
        and (held.pending_plan, held.failing_invoice, held.cancel_at) == (None, None, None),
        "pay": held.state in BOUGHT and held.failing_invoice is not None,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

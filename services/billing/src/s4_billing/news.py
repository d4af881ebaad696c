"""What the others are told of a change. Pure: the difference between what we said before and what we say now.

Each piece of news has a key under which it is told once for ever. All news of one change carries the same revision;
SignupPaid carries the one before, because it comes before everything else.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypedDict

import msgspec

from s4_billing.books import Books
from s4_billing.derive import State
from s4_billing.money import InvoiceRow, RefundRow
from s4_billing.store import Checkout, SubscriptionRow
from s4_contracts import Event
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
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import AccountId, RefundId, SignupId, SubscriptionId

News = Iterator[tuple[Event, str]]

RENEWAL = "subscription_cycle"  # why a bill was made: docs.stripe.com/api/invoices/object, billing_reason
_SERVED = frozenset({State.ACTIVE, State.PAST_DUE})


class Shop(msgspec.Struct, frozen=True):
    """What was sold: the account's checkouts, and what each plan holds in bytes."""

    account_id: str
    checkouts: Mapping[str, Checkout]
    quotas: Mapping[str, int]
    email: str | None = None  # the account's address, once its owner has confirmed another than was bought with


class About(TypedDict):
    """What every piece of news but the first has."""

    occurred_at: datetime
    account_id: AccountId
    signup_id: SignupId
    subscription_id: SubscriptionId
    revision: int


class Paid(TypedDict):
    """What a bill has cost."""

    amount: int | None
    currency: str | None
    invoice_number: str | None


class _Change(msgspec.Struct, frozen=True):
    before: Books
    after: Books
    shop: Shop
    now: datetime


def news(before: Books, after: Books, shop: Shop, now: datetime) -> News:
    """All that is to be told, in the order in which it makes sense. Of what was never paid nobody hears."""
    change = _Change(before, after, shop, now)
    for name, row in after.subscriptions.items():
        was = before.subscriptions.get(name)
        if row.checkout_id is None or not row.ever_paid:
            continue
        about = _about(row, change)
        if row.is_told:
            yield from _of_told(change, was, row, about)
        elif _has_ended(was, row):
            yield _ended(row, about)
        yield from _refunds(change, row, about)


def _of_told(change: _Change, was: SubscriptionRow | None, row: SubscriptionRow, about: About) -> News:
    if was is None or not was.is_told:
        sold = change.shop.checkouts[row.checkout_id or ""]
        yield _signup(row, sold, change), f"signup-paid:{sold.id}"
        was = _as_sold(row, sold)
    yield from _bills(change, was, row, about)
    if row.plan != was.plan and row.plan is not None and was.plan is not None:
        quota = change.shop.quotas.get(row.plan)
        changed = PlanChanged(**about, plan=row.plan, previous_plan=was.plan, quota_bytes=quota)
        yield changed, _key("plan", row)
    if row.disputed != was.disputed:
        yield _dispute(change.after, row, about)
    if row.state is State.ENDED:
        if _has_ended(was, row):
            yield _ended(row, about)
        return
    yield from _intentions(was, row, about)
    if row.state is State.SUSPENDED and (was.state, was.suspended_for) != (row.state, row.suspended_for):
        yield ServiceSuspended(**about, reason=row.suspended_for or "unpaid"), _key("suspended", row)
    if row.state in _SERVED and was.state not in _SERVED:
        yield ServiceResumed(**about), _key("resumed", row)


def _has_ended(was: SubscriptionRow | None, row: SubscriptionRow) -> bool:
    """Whether that is news: of a row from before ends were told there is no date yet."""
    return row.state is State.ENDED and (was is None or was.state is not State.ENDED or was.ended_at is None)


def _as_sold(row: SubscriptionRow, sold: Checkout) -> SubscriptionRow:
    """What SignupPaid alone tells: a subscription without any trouble."""
    return msgspec.structs.replace(
        row, state=State.ACTIVE, plan=sold.plan, cancel_at=None, disputed=False, failing_invoice=None, attempts=0
    )


def _signup(row: SubscriptionRow, sold: Checkout, change: _Change) -> SignupPaid:
    """The plan is what was sold, the address what was given or is confirmed meanwhile."""
    return SignupPaid(
        occurred_at=change.now,
        account_id=AccountId(change.shop.account_id),
        signup_id=SignupId(sold.id),
        subscription_id=SubscriptionId(row.id),
        plan=sold.plan,
        email=change.shop.email or sold.email,
        period_end=row.period_end,
        quota_bytes=change.shop.quotas.get(sold.plan),
        trial_end=row.trial_end if row.trial_end is not None and row.trial_end > change.now else None,
        revision=row.revision - 1,
        **_first_paid(row, change),
    )


def _first_paid(row: SubscriptionRow, change: _Change) -> Paid:
    """The bill by which it began; nothing in a trial, which is billed later."""
    bills = change.after.invoices_of(row.stripe_subscription_id)
    paid = [bill for bill in bills if bill.status == "paid" and bill.amount_paid > 0]
    if not paid:
        return Paid(amount=None, currency=None, invoice_number=None)
    first = min(paid, key=lambda bill: bill.created_at)
    return Paid(amount=first.amount_paid, currency=first.currency, invoice_number=first.number)


def _bills(change: _Change, was: SubscriptionRow, row: SubscriptionRow, about: About) -> News:
    known = change.before.subscriptions.get(row.stripe_subscription_id)
    # Whose payment was told has a bill; where none was kept, those that are seen now are from before they were.
    is_late = known is not None and known.is_told and not change.before.invoices_of(row.stripe_subscription_id)
    for bill in change.after.invoices_of(row.stripe_subscription_id):
        old = change.before.invoices.get(bill.stripe_invoice_id)
        is_new = bill.status == "paid" and (old is None or old.status != "paid")
        if is_new and bill.billing_reason == RENEWAL and not is_late:
            yield _renewed(bill, row, about), f"renewed:{bill.id}"
        if bill.status == "paid" and bill.stripe_invoice_id == was.failing_invoice:
            recovered = PaymentRecovered(**about, amount=bill.amount_paid, currency=bill.currency)
            yield recovered, f"recovered:{bill.id}"
    tried = (row.failing_invoice, row.attempts)
    failing = change.after.invoices.get(row.failing_invoice or "")
    if failing is not None and tried != (was.failing_invoice, was.attempts):
        yield _failed(failing, row, about), f"failed:{failing.id}:{row.attempts}"


def _renewed(bill: InvoiceRow, row: SubscriptionRow, about: About) -> SubscriptionRenewed:
    return SubscriptionRenewed(
        **about,
        amount=bill.amount_paid,
        currency=bill.currency,
        period_end=bill.period_end or row.period_end,
        invoice_number=bill.number,
    )


def _failed(bill: InvoiceRow, row: SubscriptionRow, about: About) -> PaymentFailed:
    return PaymentFailed(
        **about,
        amount=bill.amount_due,
        currency=bill.currency,
        attempt=row.attempts,
        next_attempt_at=row.next_attempt_at,
        suspends_at=row.suspends_at or about["occurred_at"],
        must_confirm=row.must_confirm,
    )


def _intentions(was: SubscriptionRow, row: SubscriptionRow, about: About) -> News:
    if row.cancel_at is not None and row.cancel_at != was.cancel_at:
        yield CancellationScheduled(**about, ends_at=row.cancel_at), _key("leaving", row)
    if row.cancel_at is None and was.cancel_at is not None:
        yield CancellationReverted(**about), _key("staying", row)


def _dispute(after: Books, row: SubscriptionRow, about: About) -> tuple[Event, str]:
    if not row.disputed:
        return DisputeClosed(**about), _key("undisputed", row)
    kinds = {each.kind for each in after.disputes_of(row.stripe_subscription_id) if each.is_open}
    opened = DisputeOpened(**about, kind="dispute" if "dispute" in kinds else "fraud-warning")
    return opened, _key("disputed", row)


def _ended(row: SubscriptionRow, about: About) -> tuple[Event, str]:
    delete_after = row.delete_after or about["occurred_at"]
    return SubscriptionEnded(**about, reason=row.end_reason or "other", delete_after=delete_after), _key("ended", row)


def _refunds(change: _Change, row: SubscriptionRow, about: About) -> News:
    bills = {bill.stripe_invoice_id for bill in change.after.invoices_of(row.stripe_subscription_id)}
    for refund in change.after.refunds.values():
        old = change.before.refunds.get(refund.id)
        if refund.is_under_way and refund.stripe_invoice_id in bills and not (old and old.is_under_way):
            yield _refunded(refund, about), f"refund:{refund.id}"


def _refunded(refund: RefundRow, about: About) -> RefundIssued:
    return RefundIssued(
        **about,
        refund_id=RefundId(refund.id),
        amount=refund.amount,
        currency=refund.currency,
        reason=refund.reason,
    )


def _about(row: SubscriptionRow, change: _Change) -> About:
    return About(
        occurred_at=change.now,
        account_id=AccountId(change.shop.account_id),
        signup_id=SignupId(row.checkout_id or ""),
        subscription_id=SubscriptionId(row.id),
        revision=row.revision,
    )


def _key(what: str, row: SubscriptionRow) -> str:
    return f"{what}:{row.id}:{row.revision}"

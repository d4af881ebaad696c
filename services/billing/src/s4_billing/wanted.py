"""What we want done at Stripe without anybody asking: money back, and an end, for what must not be charged.

That is a subscription too many, and one whose grid could not be made. Wanted is what is so, not what has happened: a
bill that is paid later still is refunded then. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from s4_billing import cancelling, cards, refunds
from s4_billing.books import Books
from s4_billing.commands import Intent
from s4_billing.derive import State
from s4_billing.look import Look
from s4_billing.money import RefundRow
from s4_billing.store import SubscriptionRow
from s4_runtime import derived_id
from s4_stripe.facts import Charge

Reason = Literal["duplicate", "not-provided"]


class Wanted(msgspec.Struct, frozen=True):
    """Commands to write, and the refunds that some of them are for."""

    intents: list[Intent]
    refunds: dict[str, RefundRow]


def wanted(books: Books, look: Look, account_id: str, failed: frozenset[str], now: datetime) -> Wanted:
    """What is to be done for the account. ``failed``: signups for which no grid could be made, for good."""
    intents = list(cards.intents(account_id, books.subscriptions.values(), look))
    rows: dict[str, RefundRow] = {}
    for row in books.subscriptions.values():
        reason = _reason(row, failed)
        if reason is None:
            continue
        if row.state is not State.ENDED:
            intents.append(cancelling.intent(account_id, row, reason, reason))
        for refund in _refunds(row, reason, books, look, now):
            rows[refund.id] = refund
            intents.append(refunds.intent(account_id, refund))
    return Wanted(intents, rows)


def _reason(row: SubscriptionRow, failed: frozenset[str]) -> Reason | None:
    if row.duplicate:
        return "duplicate"
    return "not-provided" if row.checkout_id in failed else None


def _refunds(row: SubscriptionRow, reason: Reason, books: Books, look: Look, now: datetime) -> Iterator[RefundRow]:
    """What is left of each charge of the subscription's bills, but what a refund is on its way for already."""
    held = {each.stripe_charge_id for each in books.disputes.values() if each.holds_the_money}
    for bill in look.invoices:
        if bill.id is None or bill.subscription != row.stripe_subscription_id:
            continue
        for charge in look.charges_of(bill):
            name = derived_id("refund", charge.id, reason)
            left = charge.amount - _gone(charge, books.refunds)
            if charge.status == "succeeded" and left > 0 and charge.id not in held and name not in books.refunds:
                yield RefundRow(
                    id=name,
                    stripe_refund_id=None,
                    stripe_invoice_id=bill.id,
                    stripe_charge_id=charge.id,
                    amount=left,
                    currency=charge.currency,
                    reason=reason,
                    state="wanted",
                    created_at=now,
                )


def _gone(charge: Charge, rows: Mapping[str, RefundRow]) -> int:
    """What went back or will; the charge was asked for before its refunds, and may not show the last of them yet."""
    mine = [row for row in rows.values() if row.stripe_charge_id == charge.id]
    seen = sum(row.amount for row in mine if row.is_under_way)
    return max(charge.amount_refunded, seen) + sum(row.amount for row in mine if row.state == "wanted")

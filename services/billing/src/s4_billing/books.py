"""All rows of an account together: what is read before a look at Stripe means something, and written after it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from s4_billing import money, store
from s4_billing.money import DisputeRow, InvoiceRow, RefundRow
from s4_billing.store import SubscriptionRow
from s4_store import Pool, Transaction

Row = TypeVar("Row")


class Surprise(msgspec.Struct, frozen=True):
    """Something that we follow but did not expect: an unknown status, or a jump between states."""

    fact: str
    row: SubscriptionRow


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The rows by Stripe's ids, refunds by ours."""

    subscriptions: Mapping[str, SubscriptionRow] = {}
    invoices: Mapping[str, InvoiceRow] = {}
    refunds: Mapping[str, RefundRow] = {}
    disputes: Mapping[str, DisputeRow] = {}
    surprises: Sequence[Surprise] = ()

    def disputes_of(self, stripe_subscription_id: str) -> list[DisputeRow]:
        """What contests a charge of the subscription; a charge of which we know no bill may be anyone's."""

        def is_about(row: DisputeRow) -> bool:
            bill = self.invoices.get(row.stripe_invoice_id or "")
            return bill is None or bill.stripe_subscription_id == stripe_subscription_id

        return [row for row in self.disputes.values() if is_about(row)]

    def invoices_of(self, stripe_subscription_id: str) -> list[InvoiceRow]:
        """The subscription's bills, oldest first."""
        mine = [row for row in self.invoices.values() if row.stripe_subscription_id == stripe_subscription_id]
        return sorted(mine, key=lambda row: (row.created_at, row.id))


async def load(where: Pool | Transaction, account_id: str) -> Books:
    """All that we say of the account."""
    return Books(
        subscriptions={row.stripe_subscription_id: row for row in await store.subscriptions(where, account_id)},
        invoices={row.stripe_invoice_id: row for row in await money.invoices(where, account_id)},
        refunds={row.id: row for row in await money.refunds(where, account_id)},
        disputes={row.stripe_dispute_id: row for row in await money.disputes(where, account_id)},
    )


async def save(tx: Transaction, account_id: str, before: Books, after: Books, now: datetime) -> list[SubscriptionRow]:
    """The rows say what ``after`` says. The subscriptions that changed."""
    await money.put_invoices(tx, account_id, _changed(before.invoices, after.invoices))
    await money.put_disputes(tx, account_id, _changed(before.disputes, after.disputes))
    await money.put_refunds(tx, account_id, _changed(before.refunds, after.refunds), now)
    # The table refuses two live ones at any moment, so who makes room goes first.
    changed = sorted(_changed(before.subscriptions, after.subscriptions), key=lambda row: row.is_live)
    for row in changed:
        await store.put_subscription(tx, account_id, row, now)
    return changed


def _changed(before: Mapping[str, Row], after: Mapping[str, Row]) -> Iterable[Row]:
    return [row for name, row in after.items() if row != before.get(name)]

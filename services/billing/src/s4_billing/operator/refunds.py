"""Money back by an operator's decision; above a limit, by that of two."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from s4_billing import audit, money, refunds, store
from s4_billing.commands import Commands
from s4_billing.errors import NoSuchAccount, NotNow, WrongWish
from s4_billing.money import InvoiceRow, RefundRow
from s4_billing.sync import Sync
from s4_runtime import Clock, is_id
from s4_store import Pool, Transaction
from s4_stripe.errors import StripeRejected

# Within which all that one operator alone gives back to an account counts as one refund, however it is divided.
TOGETHER = timedelta(days=30)


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator asks for. ``amount`` in the currency's minor unit; None for all that is left of the bill."""

    account_id: str
    invoice_id: str
    request_id: str
    note: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
    amount: Annotated[int, msgspec.Meta(gt=0)] | None = None
    reason: Literal["goodwill", "other"] = "goodwill"


@dataclass(frozen=True)
class Refunds:
    """The rule of two: who proposes what brings an account's refunds above ``limit`` is not who lets it go."""

    pool: Pool
    commands: Commands
    sync: Sync
    clock: Clock
    limit: int

    async def ask(self, wish: Wish, who: str) -> RefundRow:
        """The refund: on its way, or proposed. The same request again gives the same refund.

        Raises NoSuchAccount; WrongWish for more than is left ("refund-too-large") or another wish under the same id;
        NotNow for a bill by which nothing was paid ("nothing-to-refund").
        """
        if not all(map(is_id, (wish.account_id, wish.invoice_id, wish.request_id))):
            raise NoSuchAccount("no-such-account")
        async with self.pool.transaction() as tx:
            row = await self._row(tx, wish, who)
        return await self._send(wish.account_id, row)

    async def approve(self, refund_id: str, who: str) -> RefundRow:
        """The proposed refund is on its way. Raises NoSuchAccount; NotNow for the one who proposed it."""
        async with self.pool.transaction() as tx:
            sql = "select account_id from refund where id = $1"
            account_id = await tx.fetchval(sql, refund_id) if is_id(refund_id) else None
            if account_id is None:
                raise NoSuchAccount("no-such-refund")
            await store.locked_customer(tx, account_id)
            row = await _known(tx, account_id, refund_id)
            if row is not None and row.state == "proposed":
                if row.proposed_by == who:
                    raise NotNow("needs-another-operator")
                row = msgspec.structs.replace(row, state="wanted", approved_by=who)
                await refunds.want(tx, self.commands, account_id, row, self.clock)
                await audit.note(tx, self.clock.now(), who, "refund-approved", account_id, refund=row.id)
        if row is None:
            raise NoSuchAccount("no-such-refund")
        return await self._send(account_id, row)

    async def _row(self, tx: Transaction, wish: Wish, who: str) -> RefundRow:
        """The refund's row, made now or by an earlier call."""
        if await store.locked_customer(tx, wish.account_id) is None:
            raise NoSuchAccount("no-such-account")
        bill = await _bill(tx, wish)
        known = await _known(tx, wish.account_id, wish.request_id)
        if known is not None:
            if known.stripe_invoice_id != bill.stripe_invoice_id or wish.amount not in {None, known.amount}:
                raise WrongWish("request-id-used")
            return known
        if await tx.fetchval("select true from refund where id = $1", wish.request_id):
            raise WrongWish("request-id-used")
        now = self.clock.now()
        row = _wanted(wish, bill, await _left(tx, wish.account_id, bill), who, now)
        facts = {"refund": row.id, "invoice": bill.number, "amount": row.amount, "currency": row.currency}
        if row.amount + await _alone(tx, wish.account_id, now) > self.limit:
            row = msgspec.structs.replace(row, state="proposed")
            await money.put_refunds(tx, wish.account_id, [row], now)
        else:
            await refunds.want(tx, self.commands, wish.account_id, row, self.clock)
        await audit.note(tx, now, who, f"refund-{row.state}", wish.account_id, note=wish.note, **facts)
        return row

    async def _send(self, account_id: str, row: RefundRow) -> RefundRow:
        """The command is performed if it was not, and the account follows."""
        if row.state == "wanted":
            with suppress(StripeRejected):  # what was charged back, say: the refund has failed then
                await self.commands.perform(f"refund:{row.id}")
            await self.sync.account(account_id)
        async with self.pool.transaction() as tx:
            return await _known(tx, account_id, row.id) or row


async def _bill(tx: Transaction, wish: Wish) -> InvoiceRow:
    for bill in await money.invoices(tx, wish.account_id):
        if bill.id == wish.invoice_id:
            if bill.stripe_charge_id is None or bill.amount_paid == 0:
                raise NotNow("nothing-to-refund")
            return bill
    raise NoSuchAccount("no-such-invoice")


async def _known(tx: Transaction, account_id: str, refund_id: str) -> RefundRow | None:
    return next((row for row in await money.refunds(tx, account_id) if row.id == refund_id), None)


async def _left(tx: Transaction, account_id: str, bill: InvoiceRow) -> int:
    """What could still go back: what was paid, less what has gone, and less what is promised."""
    promised = sum(
        row.amount
        for row in await money.refunds(tx, account_id)
        if row.stripe_invoice_id == bill.stripe_invoice_id and row.state in {"proposed", "wanted"}
    )
    return bill.amount_paid - bill.amount_refunded - promised


async def _alone(tx: Transaction, account_id: str, now: datetime) -> int:
    """What went back to the account lately, or is to go, by the decision of one operator each."""
    rows = [row for row in await money.refunds(tx, account_id) if row.proposed_by and not row.approved_by]
    lately = [row for row in rows if row.created_at > now - TOGETHER]
    return sum(row.amount for row in lately if not row.is_over and row.state != "proposed")


def _wanted(wish: Wish, bill: InvoiceRow, left: int, who: str, now: datetime) -> RefundRow:
    amount = left if wish.amount is None else wish.amount
    if left <= 0 or amount > left:
        raise WrongWish("refund-too-large")
    return RefundRow(
        id=wish.request_id,
        stripe_refund_id=None,
        stripe_invoice_id=bill.stripe_invoice_id,
        stripe_charge_id=bill.stripe_charge_id,
        amount=amount,
        currency=bill.currency,
        reason=wish.reason,
        state="wanted",
        note=wish.note,
        proposed_by=who,
        created_at=now,
    )

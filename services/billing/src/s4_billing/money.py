"""Bills, refunds, disputes and warnings, as Stripe has them. Amounts are in the currency's minor unit."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from s4_store import Pool, Transaction

RefundReason = Literal["not-provided", "duplicate", "goodwill", "other"]
RefundState = Literal["proposed", "wanted", "pending", "succeeded", "failed", "canceled"]


class InvoiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A bill. ``stripe_charge_id`` is what paid it; ``period_end`` is until when it pays."""

    id: str
    stripe_invoice_id: str
    stripe_subscription_id: str | None
    number: str | None
    status: str
    billing_reason: str | None
    currency: str
    total: int
    tax: int
    amount_paid: int
    amount_due: int
    amount_refunded: int
    attempts: int
    stripe_charge_id: str | None
    period_end: datetime | None
    created_at: datetime


class RefundRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back: proposed (a second person must agree), wanted (ours to ask for), then as Stripe says."""

    id: str
    stripe_refund_id: str | None
    stripe_invoice_id: str | None
    stripe_charge_id: str | None
    amount: int
    currency: str
    reason: RefundReason
    state: RefundState
    note: str | None = None
    proposed_by: str | None = None
    approved_by: str | None = None
    created_at: datetime

    @property
    def is_under_way(self) -> bool:
        """Whether the money has left us."""
        return self.state in {"pending", "succeeded"}

    @property
    def is_over(self) -> bool:
        """Whether the money has not gone and will not go by itself."""
        return self.state in {"failed", "canceled"}


class DisputeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute, or a card network's warning of fraud (open while something can still be done about it)."""

    stripe_dispute_id: str
    kind: Literal["dispute", "fraud-warning"]
    stripe_invoice_id: str | None
    stripe_charge_id: str
    amount: int
    currency: str
    reason: str
    status: str
    is_open: bool
    evidence_due_by: datetime | None
    created_at: datetime

    @property
    def holds_the_money(self) -> bool:
        """Whether Stripe has taken the amount back, so that nothing of it can be refunded."""
        is_inquiry = self.kind == "fraud-warning" or self.status.startswith("warning_")
        return not is_inquiry and self.status != "won"


Row = TypeVar("Row", InvoiceRow, RefundRow, DisputeRow)


def _names(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__


async def _all(kind: type[Row], table: str, where: Pool | Transaction, account_id: str) -> list[Row]:
    columns = ", ".join(_names(kind))
    sql = f"select {columns} from {table} where account_id = $1 order by created_at desc, {columns.split(', ')[0]}"  # noqa: S608  our own names
    return [msgspec.convert(dict(row), kind) for row in await where.fetch(sql, account_id)]


def _put(kind: type[Row], table: str, *, after: str = "") -> str:
    """SQL that makes a row say so: the fields of ``kind``, then the account, then what ``after`` names."""
    names = [*_names(kind), "account_id", *after.split()]
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    mine = ", ".join(names[1:])
    theirs = ", ".join(f"excluded.{name}" for name in names[1:])
    return (
        f"insert into {table} ({', '.join(names)}) values ({places})"  # noqa: S608  our own names
        f" on conflict ({names[0]}) do update set ({mine}) = ({theirs})"
    )


_PUT_INVOICE = _put(InvoiceRow, "invoice")
_PUT_REFUND = _put(RefundRow, "refund", after="changed_at")
_PUT_DISPUTE = _put(DisputeRow, "dispute")


async def invoices(where: Pool | Transaction, account_id: str) -> list[InvoiceRow]:
    """All bills of the account, newest first."""
    return await _all(InvoiceRow, "invoice", where, account_id)


async def refunds(where: Pool | Transaction, account_id: str) -> list[RefundRow]:
    """All refunds of the account, newest first."""
    return await _all(RefundRow, "refund", where, account_id)


async def disputes(where: Pool | Transaction, account_id: str) -> list[DisputeRow]:
    """All disputes and warnings of the account, newest first."""
    return await _all(DisputeRow, "dispute", where, account_id)


async def put_invoices(tx: Transaction, account_id: str, rows: Iterable[InvoiceRow]) -> None:
    """The rows say so."""
    for row in rows:
        await tx.execute(_PUT_INVOICE, *msgspec.structs.astuple(row), account_id)


async def put_refunds(tx: Transaction, account_id: str, rows: Iterable[RefundRow], now: datetime) -> None:
    """The rows say so."""
    for row in rows:
        await tx.execute(_PUT_REFUND, *msgspec.structs.astuple(row), account_id, now)


async def put_disputes(tx: Transaction, account_id: str, rows: Iterable[DisputeRow]) -> None:
    """The rows say so."""
    for row in rows:
        await tx.execute(_PUT_DISPUTE, *msgspec.structs.astuple(row), account_id)


async def known_warnings(where: Pool | Transaction, stripe_customer_id: str) -> set[str]:
    """The warnings of fraud about the customer's charges of which an event has told."""
    sql = (
        "select distinct object_id from stripe_event where stripe_customer_id = $1"
        " and object_type = 'radar.early_fraud_warning'"
    )
    return {row["object_id"] for row in await where.fetch(sql, stripe_customer_id)}

"""Bills, disputes and refunds of a look, as rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import get_args

import msgspec

from s4_billing.derive import moment
from s4_billing.look import Look
from s4_billing.money import DisputeRow, InvoiceRow, RefundReason, RefundRow, RefundState
from s4_runtime import derived_id
from s4_stripe.facts import Invoice, Refund

# In the metadata of a refund of ours.
REFUND_ID, REASON = "refund_id", "s4_reason"

_STATES: Mapping[str, RefundState] = MappingProxyType(
    {"succeeded": "succeeded", "failed": "failed", "canceled": "canceled"}
)
_EPOCH = datetime.fromtimestamp(0, UTC)


def invoice_rows(look: Look) -> dict[str, InvoiceRow]:
    """Every bill that Stripe shows."""
    return {bill.id: _invoice(bill, bill.id, look) for bill in look.invoices if bill.id is not None}


def _invoice(bill: Invoice, name: str, look: Look) -> InvoiceRow:
    charges = look.charges_of(bill)
    ends = [line.period.end for line in bill.lines.data] if bill.lines else []
    return InvoiceRow(
        id=derived_id("invoice", name),
        stripe_invoice_id=name,
        stripe_subscription_id=bill.subscription,
        number=bill.number,
        status=bill.status or "draft",
        billing_reason=bill.billing_reason,
        currency=bill.currency,
        total=bill.total,
        tax=bill.tax,
        amount_paid=bill.amount_paid,
        amount_due=bill.amount_due,
        amount_refunded=sum(charge.amount_refunded for charge in charges),
        attempts=bill.attempt_count,
        stripe_charge_id=next((charge.id for charge in charges if charge.status == "succeeded"), None),
        period_end=moment(max(ends, default=bill.period_end)),
        created_at=moment(bill.created) or _EPOCH,
    )


def dispute_rows(
    look: Look, known: Mapping[str, DisputeRow], invoices: Mapping[str, InvoiceRow]
) -> dict[str, DisputeRow]:
    """Every dispute and warning that Stripe shows."""
    bill_of = _bills_by_charge(invoices)
    amounts = {charge.id: (charge.amount, charge.currency) for charge in look.charges}
    rows = {}
    for dispute in look.disputes:
        rows[dispute.id] = DisputeRow(
            stripe_dispute_id=dispute.id,
            kind="dispute",
            stripe_invoice_id=bill_of.get(dispute.charge),
            stripe_charge_id=dispute.charge,
            amount=dispute.amount,
            currency=dispute.currency,
            reason=dispute.reason,
            status=dispute.status,
            is_open=dispute.is_open,
            evidence_due_by=moment(dispute.evidence_details.due_by),
            created_at=moment(dispute.created) or _EPOCH,
        )
    for warning in look.warnings:
        before = known.get(warning.id)
        amount, currency = amounts.get(warning.charge, (before.amount, before.currency) if before else (0, ""))
        rows[warning.id] = DisputeRow(
            stripe_dispute_id=warning.id,
            kind="fraud-warning",
            stripe_invoice_id=bill_of.get(warning.charge),
            stripe_charge_id=warning.charge,
            amount=amount,
            currency=currency,
            reason=warning.fraud_type,
            status="actionable" if warning.actionable else "closed",
            is_open=warning.actionable,
            evidence_due_by=None,
            created_at=moment(warning.created) or _EPOCH,
        )
    return rows


def refund_rows(
    look: Look, known: Mapping[str, RefundRow], invoices: Mapping[str, InvoiceRow], refused: frozenset[str]
) -> dict[str, RefundRow]:
    """Ours as Stripe shows them, those that were made elsewhere, and ours that Stripe did not take as failed."""
    bill_of = _bills_by_charge(invoices)
    by_stripe = {row.stripe_refund_id: row for row in known.values() if row.stripe_refund_id}
    rows = {name: _refused(row) if name in refused else row for name, row in known.items()}
    for fact in look.refunds:
        named = (fact.metadata or {}).get(REFUND_ID, "")
        before = by_stripe.get(fact.id) or known.get(named)
        row = _refund(fact, before, bill_of.get(fact.charge or ""))
        rows[row.id] = row
    return rows


def _refused(row: RefundRow) -> RefundRow:
    return msgspec.structs.replace(row, state="failed") if row.state == "wanted" else row


def _refund(fact: Refund, before: RefundRow | None, bill: str | None) -> RefundRow:
    state = _STATES.get(fact.status, "pending")
    if before is not None:
        return msgspec.structs.replace(before, stripe_refund_id=fact.id, state=state)
    return RefundRow(
        id=derived_id("refund", fact.id),
        stripe_refund_id=fact.id,
        stripe_invoice_id=bill,
        stripe_charge_id=fact.charge,
        amount=fact.amount,
        currency=fact.currency,
        reason=_reason(fact),
        state=state,
        created_at=moment(fact.created) or _EPOCH,
    )


def _reason(fact: Refund) -> RefundReason:
    told = (fact.metadata or {}).get(REASON)
    return next((reason for reason in get_args(RefundReason) if reason == told), "other")


def _bills_by_charge(invoices: Mapping[str, InvoiceRow]) -> dict[str, str]:
    return {row.stripe_charge_id: name for name, row in invoices.items() if row.stripe_charge_id}

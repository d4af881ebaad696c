"""What an invoice of a subscription and its payment look like."""

from dataclasses import dataclass

from s4_devcloud.stripe.billing import taxes
from s4_devcloud.stripe.lists import listing
from s4_devcloud.stripe.wire import Wire, new_id

_NEVER_SET = (
    *("account_tax_ids", "application", "automatically_finalizes_at", "custom_fields", "default_source"),
    *("description", "due_date", "footer", "from_invoice", "hosted_invoice_url", "invoice_pdf"),
    *("last_finalization_error", "latest_revision", "next_payment_attempt", "on_behalf_of"),
    *("receipt_number", "rendering", "shipping_cost", "shipping_details", "statement_descriptor"),
    *("webhooks_delivered_at", "effective_at", "ending_balance", "number"),
)
_ZERO = (
    *("amount_overpaid", "amount_paid", "amount_paid_off_stripe", "amount_shipping"),
    *("post_payment_credit_notes_amount", "pre_payment_credit_notes_amount"),
)


@dataclass(frozen=True)
class Bill:
    """What an invoice is about: Stripe's billing_reason, and the time that it looks back on."""

    lines: list[Wire]
    reason: str
    period: Wire


def new_invoice(subscription: Wire, customer: Wire, bill: Bill, now: int) -> Wire:
    """A draft, taxed if the subscription wants that and the customer's country is known."""
    name = new_id("in")
    wanted = subscription["automatic_tax"]
    taxed = wanted["enabled"] and taxes.is_located(customer)
    for line in bill.lines:
        line["invoice"] = name
    return {
        "id": name,
        "object": "invoice",
        "account_country": "US",
        "account_name": "S4",
        **_amounts(bill.lines, customer["balance"]),
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": "finalization_requires_location_inputs" if wanted["enabled"] and not taxed else None,
            "enabled": taxed,
            "liability": wanted["liability"],
            "provider": "stripe" if taxed else None,
            "status": "complete" if taxed else None,
        },
        "billing_reason": bill.reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": subscription["currency"],
        **_customer(customer),
        "default_payment_method": None,
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": listing(f"/v1/invoices/{name}/lines", bill.lines),
        "livemode": False,
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": bill.period["end"],
        "period_start": bill.period["start"],
        "status": "draft",
        "test_clock": customer["test_clock"],
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        **dict.fromkeys(_NEVER_SET),
    }


def due_after_balance(total: int, balance: int) -> tuple[int, int]:
    """What is to be paid, and the customer's balance then. A negative balance is a credit, used up first."""
    owed = total + balance
    return max(owed, 0), min(owed, 0)


def new_invoice_payment(invoice: Wire, intent: Wire, now: int) -> Wire:
    """The link from an invoice to the payment intent that is to pay it."""
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": now,
        "currency": intent["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def _amounts(lines: list[Wire], balance: int) -> Wire:
    subtotal = sum(line["amount"] for line in lines)
    tax = sum(entry["amount"] for line in lines for entry in line["taxes"])
    total = subtotal + sum(taxes.added(line["taxes"]) for line in lines)
    due, _ = due_after_balance(total, balance)
    return {
        **dict.fromkeys(_ZERO, 0),
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": balance,
        "subtotal": subtotal,
        "subtotal_excluding_tax": total - tax,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total - tax,
        "total_pretax_credit_amounts": [],
        "total_taxes": taxes.summed(lines),
    }


def _customer(customer: Wire) -> Wire:
    return {
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }

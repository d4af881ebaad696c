"""What the first invoice of a subscription, its lines and its payment look like."""

from s4_devcloud.stripe.lists import listing
from s4_devcloud.stripe.wire import Wire, new_id

_NEVER_SET = (
    *("account_tax_ids", "application", "automatically_finalizes_at", "custom_fields", "default_source"),
    *("description", "due_date", "footer", "from_invoice", "hosted_invoice_url", "invoice_pdf"),
    *("last_finalization_error", "latest_revision", "next_payment_attempt", "on_behalf_of"),
    *("receipt_number", "rendering", "shipping_cost", "shipping_details", "statement_descriptor"),
    *("test_clock", "webhooks_delivered_at"),
)


def new_invoice(subscription: Wire, customer: Wire, lines: list[Wire], now: int) -> Wire:
    """The open invoice for the subscription's first period."""
    name = new_id("in")
    total = sum(line["amount_total"] for line in lines)
    items = zip(lines, subscription["items"]["data"], strict=True)
    return {
        "id": name,
        "object": "invoice",
        "account_country": "US",
        "account_name": "S4",
        **_amounts(total),
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": _automatic_tax(subscription),
        "billing_reason": "subscription_create",
        "collection_method": "charge_automatically",
        "created": now,
        "currency": subscription["currency"],
        **_customer(customer),
        "default_payment_method": None,
        "default_tax_rates": [],
        "discounts": [],
        "effective_at": now,
        "ending_balance": 0,
        "issuer": {"type": "self"},
        "lines": listing(f"/v1/invoices/{name}/lines", [_line(name, line, item) for line, item in items]),
        "livemode": False,
        "metadata": {},
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}",
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": now,
        "period_start": now,
        "status": "open",
        "status_transitions": _transitions(now, None),
        **dict.fromkeys(_NEVER_SET),
    }


def pay(invoice: Wire, now: int) -> Wire:
    """The invoice with everything paid."""
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=1,
        attempted=True,
        status="paid",
        status_transitions=_transitions(now, now),
    )
    return invoice


def new_invoice_payment(invoice: Wire, intent: Wire, now: int) -> Wire:
    """The link from an invoice to the payment intent that paid it."""
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": intent["amount"],
        "amount_requested": intent["amount"],
        "created": now,
        "currency": intent["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now},
    }


def _amounts(total: int) -> Wire:
    zero = ("amount_overpaid", "amount_paid", "amount_paid_off_stripe", "amount_shipping", "starting_balance")
    notes = ("post_payment_credit_notes_amount", "pre_payment_credit_notes_amount")
    whole = ("amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    return {
        **dict.fromkeys((*zero, *notes), 0),
        **dict.fromkeys(whole, total),
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _automatic_tax(subscription: Wire) -> Wire:
    enabled = subscription["automatic_tax"]["enabled"]
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": subscription["automatic_tax"]["liability"],
        "provider": "stripe" if enabled else None,
        "status": "complete" if enabled else None,
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


def _transitions(finalized: int | None, paid: int | None) -> Wire:
    return {"finalized_at": finalized, "marked_uncollectible_at": None, "paid_at": paid, "voided_at": None}


def _line(invoice: str, line: Wire, item: Wire) -> Wire:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": line["amount_total"],
        "currency": line["currency"],
        "description": f"{line['quantity']} \u00d7 {line['description']}",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": line["price"]["id"], "product": line["price"]["product"]},
            "type": "price_details",
            "unit_amount_decimal": line["price"]["unit_amount_decimal"],
        },
        "quantity": line["quantity"],
        "subscription": item["subscription"],
        "subtotal": line["amount_subtotal"],
        "taxes": [],
    }

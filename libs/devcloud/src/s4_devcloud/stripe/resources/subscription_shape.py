"""What a subscription looks like."""

from s4_devcloud.stripe.lists import listing
from s4_devcloud.stripe.periods import later
from s4_devcloud.stripe.wire import Wire, new_id

_NEVER_SET = (
    *("application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds"),
    *("customer_account", "days_until_due", "default_source", "next_pending_invoice_item_invoice"),
    *("on_behalf_of", "pause_collection", "pending_invoice_item_interval", "pending_setup_intent"),
    *("pending_update", "schedule", "test_clock", "transfer_data", "trial_end", "trial_start"),
)


def new_subscription(session: Wire, lines: list[Wire], method: str, data: Wire, now: int) -> Wire:
    """An active subscription to the session's lines; `data` is the session's subscription_data."""
    name = new_id("sub")
    items = [_item(name, line, now) for line in lines]
    return {
        "id": name,
        "object": "subscription",
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": session["automatic_tax"]["enabled"],
            "liability": session["automatic_tax"]["liability"],
        },
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": cancellation(None, None),
        "collection_method": "charge_automatically",
        "created": now,
        "currency": session["currency"],
        "customer": session["customer"],
        "default_payment_method": method,
        "default_tax_rates": [],
        "description": data.get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listing(f"/v1/subscription_items?subscription={name}", items),
        "latest_invoice": None,
        "livemode": False,
        "metadata": data.get("metadata", {}),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": now,
        "status": "active",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        **dict.fromkeys(_NEVER_SET),
    }


def cancellation(reason: str | None, details: Wire | None) -> Wire:
    """Why it ends, with what the caller noted."""
    details = details or {}
    return {"comment": details.get("comment"), "feedback": details.get("feedback"), "reason": reason}


def _item(subscription: str, line: Wire, now: int) -> Wire:
    recurring = line["price"]["recurring"]
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": later(now, recurring["interval"], recurring["interval_count"]),
        "current_period_start": now,
        "discounts": [],
        "metadata": {},
        "price": line["price"],
        "quantity": line["quantity"],
        "subscription": subscription,
        "tax_rates": [],
    }

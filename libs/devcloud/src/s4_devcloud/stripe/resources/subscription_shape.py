"""What a subscription looks like."""

from dataclasses import dataclass, field

from s4_devcloud.stripe.lists import listing
from s4_devcloud.stripe.periods import later
from s4_devcloud.stripe.wire import Wire, new_id

_NEVER_SET = (
    *("application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds"),
    *("customer_account", "days_until_due", "default_source", "next_pending_invoice_item_invoice"),
    *("on_behalf_of", "pause_collection", "pending_invoice_item_interval", "pending_setup_intent"),
    *("pending_update", "schedule", "test_clock", "transfer_data"),
)


@dataclass(frozen=True)
class Wanted:
    """What a new subscription is to be; each of the lines has a price and a quantity."""

    customer: str
    currency: str
    lines: list[Wire]
    method: str | None
    automatic_tax: bool = False
    description: str | None = None
    metadata: Wire = field(default_factory=dict)
    trial_end: int | None = None


def new_subscription(wanted: Wanted, now: int) -> Wire:
    """An active subscription, or one in trial whose billing begins when that ends."""
    name = new_id("sub")
    trial = wanted.trial_end is not None
    return {
        "id": name,
        "object": "subscription",
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": wanted.automatic_tax,
            "liability": {"type": "self"} if wanted.automatic_tax else None,
        },
        "billing_cycle_anchor": wanted.trial_end if trial else now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": cancellation(None, None),
        "collection_method": "charge_automatically",
        "created": now,
        "currency": wanted.currency,
        "customer": wanted.customer,
        "default_payment_method": wanted.method,
        "default_tax_rates": [],
        "description": wanted.description,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listing(
            f"/v1/subscription_items?subscription={name}",
            [new_item(name, line["price"], line["quantity"], now, wanted.trial_end) for line in wanted.lines],
        ),
        "latest_invoice": None,
        "livemode": False,
        "metadata": wanted.metadata,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": now,
        "status": "trialing" if trial else "active",
        "trial_end": wanted.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": now if trial else None,
        **dict.fromkeys(_NEVER_SET),
    }


def cancellation(reason: str | None, details: Wire | None) -> Wire:
    """Why it ends, with what the caller noted."""
    details = details or {}
    return {"comment": details.get("comment"), "feedback": details.get("feedback"), "reason": reason}


def new_item(subscription: str, price: Wire, quantity: int, now: int, end: int | None = None) -> Wire:
    """An item whose first period begins now; it lasts until `end` if that is given, as a trial does."""
    recurring = price["recurring"]
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": end or later(now, recurring["interval"], recurring["interval_count"]),
        "current_period_start": now,
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }

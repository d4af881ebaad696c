"""What a checkout session is asked for with (docs.stripe.com/api/checkout/sessions/create)."""

from collections.abc import Mapping
from typing import Any

from s4_billing.settings import Settings
from s4_billing.store import Checkout


def session_params(
    checkout: Checkout, customer: str, price: str, trial_days: int, settings: Settings
) -> Mapping[str, Any]:
    """One of the plan for this customer, with our ids on all that comes of it; addresses only from the settings."""
    ours = {
        "account_id": checkout.account_id,
        "checkout_id": checkout.id,
        "deployment": settings.deployment,
        "plan": checkout.plan,
    }
    site = settings.public_url.rstrip("/")
    done = f"{site}/signup/return?session_id={{CHECKOUT_SESSION_ID}}"
    where: dict[str, object] = {"ui_mode": "embedded_page", "return_url": done}
    if checkout.ui == "hosted":
        where = {"ui_mode": "hosted_page", "success_url": done, "cancel_url": f"{site}/signup/cancelled"}
    tax = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}}
    trial = {"trial_period_days": trial_days} if trial_days else {}
    return {
        "mode": "subscription",
        "customer": customer,
        "client_reference_id": checkout.id,
        "line_items": [{"price": price, "quantity": 1}],
        "metadata": {**ours, "attempt": str(checkout.attempt)},
        "subscription_data": {"metadata": ours, **trial},
        "payment_method_collection": "always",
        "expires_at": int(checkout.expires_at.timestamp()),
        "billing_address_collection": "required",
        "customer_update": {"address": "auto", "name": "auto"},
        "locale": checkout.locale,
        **where,
        **(tax if settings.stripe_tax else {}),
    }

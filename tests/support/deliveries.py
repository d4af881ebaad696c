"""Deliveries as Stripe's webhook gets them, made here."""

from datetime import timedelta
from typing import Any

import stripe

from s4_runtime import SystemClock, new_id
from support.stripe_double import WEBHOOK_SECRET


def an_event(**changes: Any) -> dict[str, Any]:
    """A snapshot event of a subscription of a customer whom nobody knows."""
    about = {"id": "sub_x", "object": "subscription", "customer": "cus_nobody", "metadata": {}}
    event = {"id": f"evt_{new_id()}", "object": "event", "type": "customer.subscription.updated"}
    return {**event, "created": 1_800_000_000, "livemode": False, "data": {"object": about}, **changes}


def signature(body: str, *, secret: str = WEBHOOK_SECRET, ahead: timedelta = timedelta()) -> str:
    at = int((SystemClock().now() + ahead).timestamp())
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return header

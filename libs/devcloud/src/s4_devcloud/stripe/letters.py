"""What is sent to an endpoint: the event, thin or whole, and its signature, true or not."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from s4_devcloud.stripe.clock import wall_time
from s4_devcloud.stripe.endpoints import Endpoint
from s4_devcloud.stripe.thin import notification
from s4_devcloud.stripe.wire import Wire

_STALE_SECONDS = 600  # twice the age that Stripe's SDK tolerates
_AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks; local stand-in)"


@dataclass(frozen=True)
class Letter:
    """A delivery's bytes and headers."""

    body: bytes
    headers: dict[str, str]


def write(to: Endpoint, event: Wire, mode: str) -> Letter:
    """The event for the endpoint; the modes forge, stale and wrong_livemode spoil it."""
    payload = notification(event) if to.is_thin else event
    if mode == "wrong_livemode":
        payload = {**payload, "livemode": not payload["livemode"]}
    body = json.dumps(payload, indent=2).encode()
    secret = "whsec_somebody_elses" if mode == "forge" else to.secret
    moment = wall_time() - (_STALE_SECONDS if mode == "stale" else 0)
    return Letter(
        body,
        {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, body, moment),
            "User-Agent": _AGENT,
        },
    )


def signature(secret: str, body: bytes, moment: int) -> str:
    """The Stripe-Signature header for a body."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"

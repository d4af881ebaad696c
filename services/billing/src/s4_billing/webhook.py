"""Where Stripe tells that something has happened. Nothing is believed but that it has."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import Counter

from s4_billing import inbox
from s4_billing.settings import Settings
from s4_runtime import Clock, SystemClock, get_logger
from s4_store import Pool
from s4_stripe.deliveries import occurrence
from s4_stripe.signature import Forged, verify

MAX_BODY_BYTES = 1024 * 1024

DELIVERIES = Counter("billing_webhook_deliveries_total", "Deliveries to the webhook.", ["outcome"])


def receiver(pool: Pool, settings: Settings, clock: Clock) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of /stripe/events. POST: verified, stored, 200. Anything odd is 400 in the same words.

    How old a signature is, the machine's clock tells, whatever time the service lives in: Stripe signs so, too, for
    what happens under a test clock.
    """
    machine = SystemClock()

    async def receive(request: web.Request) -> web.Response:
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        try:
            body = await request.read()  # 413 beyond the application's limit
            verify(body, request.headers.get("Stripe-Signature", ""), settings.stripe_webhook_secrets, machine.now())
            event = occurrence(json.loads(body.decode()))
        except (Forged, ValueError, RecursionError, web.RequestPayloadError) as error:
            return _refused(getattr(error, "code", "unreadable"))
        if event is None:
            return _refused("not-an-event")
        ours = event.livemode == settings.is_live and event.deployment in {None, settings.deployment}
        async with pool.transaction() as tx:
            is_new = await inbox.receive(tx, event, clock.now(), ours=ours)
        outcome = "repeated" if not is_new else "stored" if ours else "foreign"
        DELIVERIES.labels(outcome).inc()
        get_logger().info("webhook.received", type=event.type, outcome=outcome)
        return web.json_response({"received": True})

    return receive


def _refused(reason: str) -> web.Response:
    DELIVERIES.labels("refused").inc()
    get_logger().warning("webhook.refused", reason=reason)
    return web.json_response({"code": "not-a-delivery"}, status=400)

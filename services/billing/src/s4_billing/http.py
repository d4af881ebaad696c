"""The HTTP surface: for web, with the service token; and the webhook, which Stripe signs."""

from collections.abc import Iterable

import msgspec
from aiohttp import web

from s4_billing.asking import patience, read
from s4_billing.catalogue import Catalogue
from s4_billing.checkouts import Checkouts
from s4_billing.errors import (
    CheckoutOver,
    NoSuchAccount,
    NoSuchCheckout,
    NotNow,
    SignupClosed,
    SoldOut,
    TooMany,
    WrongWish,
)
from s4_billing.settings import Settings
from s4_billing.webhook import MAX_BODY_BYTES, receiver
from s4_billing.wishes import Wish
from s4_runtime import Clock, Temporary, correlation_middleware, error_middleware, service_token_middleware
from s4_store import Pool
from s4_stripe.errors import StripeBusy, StripeRejected, StripeUnavailable

WEBHOOK = "/stripe/events"
STATUS = {
    WrongWish: 422,
    CheckoutOver: 409,
    NotNow: 409,
    SoldOut: 409,
    NoSuchCheckout: 404,
    NoSuchAccount: 404,
    TooMany: 429,
    SignupClosed: 503,
    StripeBusy: 429,
    StripeUnavailable: 503,
    StripeRejected: 500,
    Temporary: 503,
}


class Return(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person brings back from Stripe's page."""

    session_id: str | None = None


class Desk:
    """What web asks of billing while a person waits."""

    def __init__(self, catalogue: Catalogue, checkouts: Checkouts, settings: Settings) -> None:
        self._catalogue = catalogue
        self._checkouts = checkouts
        self._settings = settings
        self._patience = settings.person_patience.total_seconds()

    async def plans(self, _request: web.Request) -> web.Response:
        """What is sold, and whether it is sold now. Who asks while the service starts waits for the first look."""
        await self._catalogue.looked()
        shown = [msgspec.to_builtins(plan) for plan in self._catalogue.plans.values()]
        plans = [{name: value for name, value in plan.items() if name != "lookup_key"} for plan in shown]
        told = {"plans": plans, "open": self._catalogue.is_open, "tax_extra": self._catalogue.tax_extra}
        return web.json_response(told)

    async def open(self, request: web.Request) -> web.Response:
        """A way to pay. The client secret and the address are for this person only."""
        wish = read(await request.read(), Wish)
        async with patience(self._patience):
            checkout, session = await self._checkouts.open(wish)
        answer = {
            "checkout_id": checkout.id,
            "state": checkout.state,
            "client_secret": session.client_secret.reveal() if session.client_secret else None,
            "url": session.url.reveal() if session.url else None,
            "expires_at": checkout.expires_at.isoformat(),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def sync(self, request: web.Request) -> web.Response:
        """What has come of a checkout."""
        shown = read(await request.read() or b"{}", Return)
        async with patience(self._patience):
            checkout, bought = await self._checkouts.sync(request.match_info["checkout_id"], shown.session_id)
        subscription = bought.id if bought else None
        return web.json_response({"state": checkout.state, "plan": checkout.plan, "subscription_id": subscription})

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/plans", self.plans),
            web.post("/checkouts", self.open),
            web.post("/checkouts/{checkout_id}/sync", self.sync),
        ]


def application(pool: Pool, settings: Settings, clock: Clock, routes: Iterable[web.RouteDef]) -> web.Application:
    """The routes of web's desks, and the webhook."""
    app = web.Application(
        middlewares=[
            correlation_middleware,
            error_middleware(STATUS),
            service_token_middleware(settings.service_token, public={WEBHOOK}),
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    app.router.add_routes(routes)
    app.router.add_route("*", WEBHOOK, receiver(pool, settings, clock))
    return app

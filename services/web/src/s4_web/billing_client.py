"""What the site asks billing, because a browser is waiting."""

from datetime import datetime, timedelta
from typing import Literal, TypeVar

import msgspec

from s4_runtime import Clock, PeerUnavailable, ServiceClient
from s4_web.troubles import Refused

S = TypeVar("S", bound=msgspec.Struct)


class Plan(msgspec.Struct, frozen=True):
    """One plan as billing sells it; ``amount`` in minor units of ``currency``."""

    id: str
    name: str
    description: str
    amount: int
    currency: str
    interval: str
    quota_bytes: int | None = None
    region: str | None = None


class Offer(msgspec.Struct, frozen=True):
    """What can be bought now; nothing while ``open`` is false."""

    plans: tuple[Plan, ...]
    open: bool = True

    def plan(self, plan_id: str) -> Plan | None:
        """The plan of that id, if it is sold."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)


class Checkout(msgspec.Struct, frozen=True):
    """A payment page: a secret for the embedded one, a url for the hosted one."""

    client_secret: str | None = None
    url: str | None = None


class Billing:
    """Billing, over HTTP. Anything that is not one of its agreed answers counts as unavailable."""

    def __init__(self, client: ServiceClient, clock: Clock, plans_kept: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._plans_kept = plans_kept
        self._known: tuple[datetime, Offer] | None = None

    async def offer(self, *, fresh: bool = False) -> Offer:
        """What is sold, at most ``plans_kept`` old; ``fresh`` asks in any case. Raises PeerUnavailable."""
        now = self._clock.now()
        if self._known and not fresh and now - self._known[0] < self._plans_kept:
            return self._known[1]
        status, answer = await self._client.call("GET", "/plans")
        offer = _read(Offer, answer) if status == 200 else None
        if offer is None:
            raise PeerUnavailable("billing-unavailable")
        self._known = (now, offer)
        return offer

    def last_offer(self) -> Offer:
        """What was sold when billing last answered; nothing if it never did."""
        return self._known[1] if self._known else Offer(())

    async def open_checkout(
        self, signup_id: str, account_id: str, plan: str, email: str, ui: Literal["embedded", "hosted"]
    ) -> Checkout:
        """A payment page for the signup: the same one when asked again.

        Raises Refused ("already-paid" is one of its codes) or PeerUnavailable.
        """
        body = {"checkout_id": signup_id, "account_id": account_id, "plan": plan, "email": email, "ui": ui}
        status, answer = await self._client.call("POST", "/checkouts", {**body, "locale": "en"}, seconds=20)
        if status == 409 and answer.get("code") == "already-paid":
            raise Refused("already-paid")
        if status == 422:
            raise Refused("unknown-plan" if answer.get("code") == "unknown-plan" else "bad-email")
        if status == 429:
            raise Refused("too-many-payments")
        checkout = _read(Checkout, answer) if status == 200 else None
        if checkout is None or not (checkout.client_secret if ui == "embedded" else checkout.url):
            raise PeerUnavailable("billing-unavailable")
        return checkout

    async def sync(self, signup_id: str, session_id: str | None) -> str:
        """The checkout's state (open, expired, pending or paid) after billing has asked Stripe.

        Raises Refused when the session is not this checkout's, PeerUnavailable when billing does not answer.
        """
        status, answer = await self._client.call(
            "POST", f"/checkouts/{signup_id}/sync", {"session_id": session_id}, seconds=20
        )
        if status == 404:
            raise Refused("not-found")
        state = answer.get("state")
        if status != 200 or state not in {"open", "expired", "pending", "paid"}:
            raise PeerUnavailable("billing-unavailable")
        return str(state)


def _read(shape: type[S], answer: dict[str, object]) -> S | None:
    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError:
        return None

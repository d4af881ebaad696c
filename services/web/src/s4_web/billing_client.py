"""What the site asks billing, because a browser is waiting."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_runtime import Clock, PeerUnavailable, ServiceClient, context
from s4_web.progress import Signup
from s4_web.troubles import Refused

_REFUSALS = {(409, "already-paid"), (409, "sold-out"), (422, "unknown-plan"), (422, "bad-email")}
_REFUSALS |= {(429, "too-many-payments"), (429, "too-many-checkouts")}


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
    trial_days: int = 0

    def is_larger_than(self, own: "Plan | None") -> bool:
        """Whether changing to it from one's own plan holds at once; so it may need another machine now."""
        months = {"year": 12}
        return own is None or self.amount / months.get(self.interval, 1) >= own.amount / months.get(own.interval, 1)


class Offer(msgspec.Struct, frozen=True):
    """What can be bought now; nothing while ``open`` is false."""

    plans: tuple[Plan, ...]
    open: bool = True
    tax_extra: bool = False

    def plan(self, plan_id: str) -> Plan | None:
        """The plan of that id, if it is sold."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)


class Billing:
    """Billing, over HTTP. Anything that is not one of its agreed answers counts as unavailable."""

    def __init__(self, client: ServiceClient, clock: Clock, plans_kept: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._plans_kept = plans_kept
        self._known_at: datetime | None = None
        self.known = Offer(())  # what was sold when billing last answered

    async def offer(self, *, fresh: bool = False) -> Offer:
        """What is sold, at most ``plans_kept`` old; ``fresh`` asks in any case. Raises PeerUnavailable."""
        now = self._clock.now()
        if self._known_at and not fresh and now - self._known_at < self._plans_kept:
            return self.known
        status, answer = await self._client.call("GET", "/plans")
        try:
            self.known = msgspec.convert(answer if status == 200 else None, Offer)
        except msgspec.ValidationError:
            raise PeerUnavailable("billing-unavailable") from None
        self._known_at = now
        return self.known

    async def open_checkout(self, signup: Signup, ui: Literal["embedded", "hosted"], ip_hash: str) -> str:
        """The embedded page's client secret, or the hosted page's address: of one payment page for the signup.

        ``ip_hash`` stands for where the person is, so that billing can count. Raises Refused ("already-paid" is one of
        its codes) or PeerUnavailable.
        """
        body = {"checkout_id": signup.signup_id, "account_id": signup.account_id, "plan": signup.plan}
        body |= {"email": signup.email, "ui": ui, "locale": "en", "ip_hash": ip_hash}
        with context.bound(context.continued(signup.traceparent)):
            status, answer = await self._client.call("POST", "/checkouts", body, seconds=20)
        refusal = str(answer.get("code"))
        if status == 429 and refusal != "too-many-checkouts":
            refusal = "too-many-payments"
        if (status, refusal) in _REFUSALS:
            raise Refused(refusal)
        found = answer.get("client_secret" if ui == "embedded" else "url")
        if status != 200 or not isinstance(found, str):
            raise PeerUnavailable("billing-unavailable")
        return found

    async def sync(self, signup_id: str, session_id: str | None) -> str:
        """The checkout's state (open, expired, pending or paid) after billing has asked Stripe.

        Raises Refused when the session is not this checkout's, PeerUnavailable when billing does not answer.
        """
        path = f"/checkouts/{signup_id}/sync"
        status, answer = await self._client.call("POST", path, {"session_id": session_id}, seconds=20)
        if status == 404:
            raise Refused("not-found")
        state = answer.get("state")
        if status != 200 or state not in {"open", "expired", "pending", "paid"}:
            raise PeerUnavailable("billing-unavailable")
        return str(state)

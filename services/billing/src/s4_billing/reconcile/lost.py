"""Accounts of which our rows were lost, as after a restore: made anew from what we wrote on them at Stripe."""

import msgspec

from s4_billing import store
from s4_billing.customers import Customers
from s4_billing.derive import CheckoutState
from s4_billing.store import Checkout
from s4_runtime import Clock
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.errors import NotAtStripe
from s4_stripe.facts import Subscription


class Bought(msgspec.Struct, frozen=True):
    """What checkouts write on their subscriptions (session_params.py)."""

    account_id: str
    checkout_id: str
    deployment: str
    plan: str


class Lost:
    """Brings back who has paid."""

    def __init__(self, pool: Pool, api: StripeApi, customers: Customers, clock: Clock, deployment: str) -> None:
        self._pool = pool
        self._api = api
        self._customers = customers
        self._clock = clock
        self._deployment = deployment

    async def bring_back(self, fact: Subscription) -> str | None:
        """The subscription's account, which has a row and its customer now. None: not one of ours, or it has rows.

        A look at it tells the others that it was paid; the grid that follows is another than the one that was lost.
        """
        try:
            bought = msgspec.convert(fact.metadata, Bought)
            customer = await self._api.customer(fact.customer)
        except (msgspec.ValidationError, NotAtStripe):
            return None
        is_ours = bought.deployment == self._deployment and customer.metadata.get("account_id") == bought.account_id
        if not is_ours or not customer.email or await store.customer(self._pool, bought.account_id) is not None:
            return None
        now = self._clock.now()
        checkout = Checkout(
            id=bought.checkout_id,
            account_id=bought.account_id,
            plan=bought.plan,
            email=customer.email,
            ui="hosted",
            locale="auto",
            state=CheckoutState.PAID,
            attempt=1,
            stripe_session_id=None,
            expires_at=now,
        )
        async with self._pool.transaction() as tx:
            await store.ensure_customer(tx, bought.account_id, customer.email, now)
            await store.put_checkout(tx, checkout, now)
        return await self._customers.adopt(fact.customer)

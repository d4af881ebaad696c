"""The one way in which our rows follow Stripe: look at all of a customer's subscriptions, then write what they mean.

Webhooks, the person who comes back from paying, and reconciliation all end here, so repair cannot differ from normal
work. A look that began before the last one was applied may be older than what is stored: it is dropped and repeated.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
from prometheus_client import Counter

from s4_billing import inbox, store
from s4_billing.catalogue import Catalogue
from s4_billing.derive import CheckoutState, Known, State, checkout_state, subscription_state
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, SignupId, SubscriptionId
from s4_runtime import Clock, get_logger
from s4_store import Pool, Transaction
from s4_stripe.api import StripeApi
from s4_stripe.errors import NotAtStripe, StripeBusy
from s4_stripe.facts import Session, Subscription

ROUNDS = 6

UNEXPECTED = Counter("billing_unexpected_facts_total", "Facts of Stripe that we follow but did not expect.", ["fact"])


class Facts(msgspec.Struct, frozen=True):
    """One look at Stripe, begun at ``tick``."""

    tick: int
    stripe_customer_id: str
    subscriptions: Sequence[Subscription]
    sessions: Mapping[str, Session]


class Sync:
    """Brings accounts up to date."""

    def __init__(
        self, pool: Pool, api: StripeApi, catalogue: Catalogue, clock: Clock, *, deployment: str, grace: timedelta
    ) -> None:
        self._pool = pool
        self._api = api
        self._catalogue = catalogue
        self._clock = clock
        self._deployment = deployment
        self._grace = grace

    async def account(self, account_id: str) -> None:
        """Our rows say what Stripe said at some moment after this was called.

        Raises StripeUnavailable or StripeBusy; nothing is changed then.
        """
        for _ in range(ROUNDS):
            facts = await self._look(account_id)
            if facts is None or await self._apply(account_id, facts):
                return
        raise StripeBusy("payment-service-busy", reason="contended", account=account_id)

    async def _look(self, account_id: str) -> Facts | None:
        tick = await store.next_tick(self._pool)
        customer = await store.customer(self._pool, account_id)
        if customer is None or customer.stripe_customer_id is None:
            return None
        checkouts = await store.unfinished_checkouts(self._pool, account_id)
        ids = [each.stripe_session_id for each in checkouts if each.stripe_session_id]
        subscriptions, sessions = await asyncio.gather(
            self._api.subscriptions_of(customer.stripe_customer_id),
            asyncio.gather(*(self._session(id_) for id_ in ids)),
        )
        known = {session.id: session for session in sessions if session is not None}
        return Facts(tick, customer.stripe_customer_id, [each for each in subscriptions if self._is_ours(each)], known)

    async def _session(self, session: str) -> Session | None:
        try:
            return await self._api.session(session)
        except NotAtStripe:
            return None

    def _is_ours(self, fact: Subscription) -> bool:
        return fact.metadata.get("deployment", self._deployment) == self._deployment

    async def _apply(self, account_id: str, facts: Facts) -> bool:
        """Write what the facts mean; False, and nothing written, if they may be older than what is stored."""
        async with self._pool.transaction() as tx:
            customer = await store.locked_customer(tx, account_id)
            if customer is None or customer.synced_tick > facts.tick:
                return customer is None
            known = {each.stripe_subscription_id: each for each in await store.subscriptions(tx, account_id)}
            for fact in facts.subscriptions:
                await self._write(tx, account_id, fact, known.get(fact.id))
            for vanished in known.keys() - {fact.id for fact in facts.subscriptions}:
                await self._end(tx, account_id, known[vanished])
            await self._close_checkouts(tx, account_id, facts)
            await inbox.handled(tx, facts.stripe_customer_id, facts.tick)
            await tx.execute(
                "update billing_customer set synced_tick = nextval('billing_tick') where account_id = $1", account_id
            )
        return True

    async def _write(
        self, tx: Transaction, account_id: str, fact: Subscription, known: store.SubscriptionRow | None
    ) -> None:
        before = Known(known.state, known.ever_paid) if known else None
        derived = subscription_state(self._clock.now(), fact, before, self._grace)
        key = next((item.price.lookup_key for item in fact.items.data), None)
        row = store.row_of(known, fact, derived, self._catalogue.plan_of(key))
        if known is None:
            row = msgspec.structs.replace(row, checkout_id=await self._checkout_of(tx, account_id, fact))
        for fact_name, is_so in (("status", derived.unknown_status), ("transition", derived.unexpected)):
            if is_so and row != known:
                UNEXPECTED.labels(fact_name).inc()
                get_logger().error("subscription.unexpected", fact=fact_name, subscription=row.id, status=fact.status)
        if row != known:
            await store.put_subscription(tx, account_id, row, self._clock.now())
            get_logger().info("subscription.changed", account=account_id, subscription=row.id, state=row.state)
        if row.ever_paid and row.checkout_id is not None and not (known and known.ever_paid):
            await self._paid(tx, account_id, row, row.checkout_id)

    async def _checkout_of(self, tx: Transaction, account_id: str, fact: Subscription) -> str | None:
        """The checkout that the subscription was bought by, if it is this account's."""
        shown = fact.metadata.get("checkout_id", "")
        rows = await tx.fetch("select id from checkout where account_id = $1", account_id)
        return next((row["id"] for row in rows if row["id"] == shown), None)

    async def _paid(self, tx: Transaction, account_id: str, row: store.SubscriptionRow, checkout_id: str) -> None:
        """Tell, once for ever, that the signup is paid. The plan is what was sold, the address what was given."""
        now = self._clock.now()
        checkout = await store.checkout(tx, checkout_id)
        if checkout is None:
            return
        await store.put_checkout(tx, msgspec.structs.replace(checkout, state=CheckoutState.PAID), now)
        plan = self._catalogue.plans.get(checkout.plan)
        event = SignupPaid(
            occurred_at=now,
            account_id=AccountId(account_id),
            signup_id=SignupId(checkout_id),
            subscription_id=SubscriptionId(row.id),
            plan=checkout.plan,
            email=checkout.email,
            period_end=row.period_end,
            quota_bytes=plan.quota_bytes if plan else None,
        )
        await tx.emit(event, key=f"signup-paid:{checkout_id}")

    async def _end(self, tx: Transaction, account_id: str, known: store.SubscriptionRow) -> None:
        """A subscription that Stripe does not have any more (its customer was deleted) has ended."""
        if known.state is not State.ENDED:
            ended = msgspec.structs.replace(known, state=State.ENDED, stripe_status="(gone)")
            await store.put_subscription(tx, account_id, ended, self._clock.now())
            get_logger().warning("subscription.gone", account=account_id, subscription=known.id)

    async def _close_checkouts(self, tx: Transaction, account_id: str, facts: Facts) -> None:
        for checkout in await store.unfinished_checkouts(tx, account_id):
            session = facts.sessions.get(checkout.stripe_session_id or "")
            state = checkout_state(checkout.state, session, paid=False)
            if state is not checkout.state:
                await store.put_checkout(tx, msgspec.structs.replace(checkout, state=state), self._clock.now())
                get_logger().info("checkout.changed", checkout=checkout.id, state=state)

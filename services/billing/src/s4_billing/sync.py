"""The one way in which our rows follow Stripe: look at all that a customer has there, then write what it means.

Webhooks, the person who comes back from paying, operators and reconciliation all end here, so repair cannot differ from
normal work. A look that began before the last one was applied may be older than what is stored: it is dropped and
repeated.
"""

from collections.abc import Collection

import msgspec
from prometheus_client import Counter

from s4_billing import books, inbox, provisioning, refunds, store
from s4_billing.books import Books
from s4_billing.catalogue import Catalogue
from s4_billing.commands import Commands
from s4_billing.derive import Policy, checkout_state
from s4_billing.follow import Rules, follow
from s4_billing.look import Look, Looker
from s4_billing.news import Shop, news
from s4_billing.store import Checkout, CustomerRow, SubscriptionRow
from s4_billing.wanted import Wanted, wanted
from s4_runtime import Clock, Temporary, context, get_logger
from s4_store import Pool, Transaction
from s4_stripe.errors import StripeBusy, StripeRejected

ROUNDS = 6
REFUNDS_FAILED = Counter("billing_refunds_failed_total", "Refunds that did not arrive: a person must pay otherwise.")

# The row as it is stored, if it is, and as it would be written.
Difference = tuple[SubscriptionRow | None, SubscriptionRow]

REFUSED = Counter("billing_commands_refused_total", "Writes that nobody asked for twice and Stripe refused.", ["kind"])
UNEXPECTED = Counter("billing_unexpected_facts_total", "Facts of Stripe that we follow but did not expect.", ["fact"])


class Sync:
    """Brings accounts up to date."""

    def __init__(
        self, pool: Pool, looker: Looker, commands: Commands, catalogue: Catalogue, clock: Clock, *, policy: Policy
    ) -> None:
        self._pool = pool
        self._looker = looker
        self._commands = commands
        self._catalogue = catalogue
        self._clock = clock
        self._policy = policy

    async def account(self, account_id: str) -> None:
        """Our rows say what Stripe said at some moment after this was called.

        What is wanted at Stripe because of it (a duplicate ends, money goes back) is done as well, or written down for
        the loop that settles commands. Raises StripeUnavailable or StripeBusy; nothing is changed then.
        """
        for _ in range(ROUNDS):
            look = await self._looker.look(account_id)
            if look is None:
                return
            commands = await self._apply(account_id, look)
            if commands is not None and not await self._perform(commands):
                return
        raise StripeBusy("payment-service-busy", reason="contended", account=account_id)

    async def differences(self, account_id: str) -> list[Difference]:
        """What ``account`` would change now. Nothing is written."""
        look = await self._looker.look(account_id)
        if look is None:
            return []
        async with self._pool.transaction() as tx:
            before = await books.load(tx, account_id)
            checkouts = {each.id: each for each in await store.checkouts(tx, account_id)}
            after = follow(before, look, self._clock.now(), await self._rules(tx, account_id, checkouts))
        rows = ((before.subscriptions.get(name), row) for name, row in after.subscriptions.items())
        return [(known, row) for known, row in rows if known != row]

    async def _perform(self, commands: list[str]) -> bool:
        """The commands are done or refused, and there were some; False too if an outcome is left open."""
        is_open = False
        for key in commands:
            try:
                await self._commands.perform(key)
            except StripeRejected:
                REFUSED.labels(key.partition(":")[0]).inc()
                get_logger().error("command.refused", command=key)
            except Temporary as error:
                get_logger().warning("command.open", command=key, code=error.code)
                is_open = True
        return bool(commands) and not is_open

    async def _apply(self, account_id: str, look: Look) -> list[str] | None:
        """Write what the look means; the keys of commands that are new. None, and nothing is written, if it is old."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            customer = await store.locked_customer(tx, account_id)
            if customer is None:
                return []
            if customer.synced_tick > look.tick:
                return None
            before = await books.load(tx, account_id)
            checkouts = {each.id: each for each in await store.checkouts(tx, account_id)}
            after = follow(before, look, now, await self._rules(tx, account_id, checkouts))
            failed = await provisioning.failed_signups(tx, account_id)
            errands = wanted(after, look, account_id, failed, now)
            after = msgspec.structs.replace(after, refunds={**after.refunds, **errands.refunds})
            await self._write(tx, account_id, before, after)
            await self._close_checkouts(tx, look, after, checkouts)
            for event, key in news(before, after, self._shop(customer, checkouts), now):
                with context.bound(await store.story_of(tx, event)):
                    await tx.emit(event, key=key)
            new = await self._command(tx, errands)
            await inbox.handled(tx, look.stripe_customer_id, look.tick)
            sql = "update billing_customer set synced_tick = nextval('billing_tick') where account_id = $1"
            await tx.execute(sql, account_id)
        return new

    async def _rules(self, tx: Transaction, account_id: str, checkouts: Collection[str]) -> Rules:
        return Rules(
            policy=self._policy,
            plan_of=self._catalogue.plan_of,
            checkouts=frozenset(checkouts),
            refused=await refunds.refused(tx, account_id),
        )

    async def _write(self, tx: Transaction, account_id: str, before: Books, after: Books) -> None:
        for row in await books.save(tx, account_id, before, after, self._clock.now()):
            get_logger().info("subscription.changed", account=account_id, subscription=row.id, state=row.state)
        for each in after.surprises:
            UNEXPECTED.labels(each.fact).inc()
            status, subscription = each.row.stripe_status, each.row.id
            get_logger().error("subscription.unexpected", fact=each.fact, subscription=subscription, status=status)
        for name, refund in after.refunds.items():
            if refund.state == "failed" and refund != before.refunds.get(name):
                REFUNDS_FAILED.inc()
                get_logger().error("refund.failed", account=account_id, refund=name, reason=refund.reason)

    async def _close_checkouts(self, tx: Transaction, look: Look, after: Books, rows: dict[str, Checkout]) -> None:
        """Each checkout says what has come of it."""
        paid = {row.checkout_id for row in after.subscriptions.values() if row.ever_paid}
        sessions = {session.id: session for session in look.sessions}
        for checkout in rows.values():
            session = sessions.get(checkout.stripe_session_id or "")
            state = checkout_state(checkout.state, session, paid=checkout.id in paid)
            if state is not checkout.state:
                await store.put_checkout(tx, msgspec.structs.replace(checkout, state=state), self._clock.now())
                get_logger().info("checkout.changed", checkout=checkout.id, state=state)

    async def _command(self, tx: Transaction, errands: Wanted) -> list[str]:
        return [intent.key for intent in errands.intents if await self._commands.write(tx, intent)]

    def _shop(self, customer: CustomerRow, checkouts: dict[str, Checkout]) -> Shop:
        quotas = {plan.id: plan.quota_bytes for plan in self._catalogue.plans.values()}
        return Shop(customer.account_id, checkouts, quotas, customer.email if customer.email_at else None)

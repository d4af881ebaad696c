"""Opening a way to pay: our row first, then Stripe, so that the same id asked again gives the same checkout."""

from datetime import timedelta

from s4_billing import limits, store
from s4_billing.capacity import require_capacity
from s4_billing.catalogue import Catalogue
from s4_billing.commands import Commands, Deed, Intent
from s4_billing.customers import Customers
from s4_billing.derive import CheckoutState, State
from s4_billing.errors import CheckoutOver, NoSuchCheckout, WrongWish
from s4_billing.session_params import session_params
from s4_billing.settings import SHORTEST_CHECKOUT, Settings
from s4_billing.store import Checkout
from s4_billing.sync import Sync
from s4_billing.wishes import Wish, checked
from s4_runtime import Clock, came_to, get_logger, is_id
from s4_store import Pool, Transaction
from s4_stripe.api import StripeApi
from s4_stripe.errors import KeySpent, StripeBusy, StripeRejected
from s4_stripe.facts import Session

KIND = "session.create"
ROUNDS = 5


def deed(api: StripeApi) -> Deed:
    """How sessions are made."""

    async def find(intent: Intent) -> Session | None:
        async for found in api.sessions_of(intent.params["customer"]):
            if found.metadata == intent.params["metadata"]:
                return found
        return None

    async def record(tx: Transaction, intent: Intent, made: str) -> None:
        await store.name_session(tx, intent.key, made)

    return Deed(api.create_session, find, record)


class Checkouts:
    """Checkouts from open to paid or expired. One open checkout for an account, with one open session."""

    def __init__(
        self,
        pool: Pool,
        api: StripeApi,
        clock: Clock,
        settings: Settings,
        *,
        catalogue: Catalogue,
        commands: Commands,
        customers: Customers,
        sync: Sync,
    ) -> None:
        self._pool = pool
        self._api = api
        self._clock = clock
        self._settings = settings
        self._catalogue = catalogue
        self._commands = commands
        self._customers = customers
        self._sync = sync

    async def open(self, wish: Wish) -> tuple[Checkout, Session]:
        """An open session for exactly this wish: the one that there is, or a new one.

        Raises WrongWish, SignupClosed, CheckoutOver when no money may be asked for, SoldOut unless a checkout for the
        plan is open already, TooMany, StripeUnavailable, StripeBusy.
        """
        wish = checked(wish)
        self._catalogue.price_of(wish.plan)
        is_replacing = False
        for _ in range(ROUNDS):
            checkout = await self._row(wish, is_replacing=is_replacing)
            if not _fits(checkout, wish):
                await self._close(checkout)
                is_replacing = True
                continue
            session = await self._session(checkout)
            if session is not None and session.status == "open":
                return checkout, session
            await self._close(checkout)
        raise StripeBusy("payment-service-busy", reason="contended", checkout=wish.checkout_id)

    async def sync(self, checkout_id: str, session_id: str | None) -> tuple[Checkout, store.SubscriptionRow | None]:
        """The checkout as Stripe says it is now, with its subscription. Raises NoSuchCheckout."""
        checkout = await store.checkout(self._pool, checkout_id) if is_id(checkout_id) else None
        if checkout is None or session_id not in {None, checkout.stripe_session_id}:
            raise NoSuchCheckout("no-such-checkout")
        if checkout.state in {CheckoutState.OPEN, CheckoutState.PENDING}:
            await self._sync.account(checkout.account_id)
            checkout = await store.checkout(self._pool, checkout_id) or checkout
        bought = await store.subscriptions(self._pool, checkout.account_id)
        return checkout, next((each for each in bought if each.checkout_id == checkout_id), None)

    async def _row(self, wish: Wish, *, is_replacing: bool) -> Checkout:
        """The row for the wish, open; or the account's other open checkout, which has to be closed first."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            await store.ensure_customer(tx, wish.account_id, wish.email, now)
            await store.locked_customer(tx, wish.account_id)
            known = await store.checkout(tx, wish.checkout_id)
            if known is not None and known.account_id != wish.account_id:
                raise WrongWish("checkout-of-another-account")
            unfinished = await store.unfinished_checkouts(tx, wish.account_id)
            for bought in await store.subscriptions(tx, wish.account_id):
                if bought.state is not State.ENDED:
                    raise CheckoutOver("already-paid" if bought.ever_paid else "payment-pending")
            if known is not None and known.state is CheckoutState.PAID:
                raise CheckoutOver("already-paid")
            if any(each.state is CheckoutState.PENDING for each in unfinished):
                raise CheckoutOver("payment-pending")
            if not is_replacing and all(each.plan != wish.plan for each in unfinished):
                await require_capacity(tx, wish.plan, now, self._settings.capacity_believed)
            if unfinished:
                return unfinished[0]
            opened = Checkout(
                id=wish.checkout_id,
                account_id=wish.account_id,
                plan=wish.plan,
                email=wish.email,
                ui=wish.ui,
                locale=wish.locale,
                state=CheckoutState.OPEN,
                attempt=known.attempt + 1 if known else 1,
                stripe_session_id=None,
                expires_at=now + self._settings.checkout_lifetime,
            )
            await limits.count(tx, opened, wish.ip_hash, self._settings, now)
            await store.put_checkout(tx, opened, now)
            get_logger().info("checkout.opened", checkout=opened.id, account=opened.account_id, attempt=opened.attempt)
            return opened

    async def _session(self, checkout: Checkout) -> Session | None:
        """The attempt's session as it is now, made if it was not; None if it is not to be made any more."""
        if checkout.stripe_session_id is not None:
            return await self._api.session(checkout.stripe_session_id)
        customer = await self._customers.ensure(checkout.account_id, checkout.email)
        trial_days, price = await self._trial_days(checkout), self._catalogue.price_of(checkout.plan)
        params = session_params(checkout, customer, price, trial_days, self._settings)
        intent = Intent(checkout.command_key, KIND, checkout.account_id, params)
        async with self._pool.transaction() as tx:
            await store.locked_customer(tx, checkout.account_id)
            if await store.checkout(tx, checkout.id) != checkout:
                return None
            is_new = await self._commands.write(tx, intent)
        try:
            made = await self._commands.perform(checkout.command_key)
        except KeySpent:
            return None
        except StripeRejected:
            if checkout.expires_at - self._clock.now() > SHORTEST_CHECKOUT + timedelta(minutes=1):
                raise
            return None  # too late for this attempt: Stripe does not make sessions that expire so soon
        if is_new and isinstance(made, Session):
            came_to("checkout")
            return made
        # A replayed answer tells how the session was when it was made.
        named = await store.checkout(self._pool, checkout.id)
        return await self._api.session(named.stripe_session_id) if named and named.stripe_session_id else None

    async def _close(self, checkout: Checkout) -> None:
        """Nobody can pay by the checkout's session any more, and its row says so; or somebody has paid by it."""
        if checkout.stripe_session_id is None:
            await self._forget(checkout)
            return
        try:
            await self._api.expire_session(checkout.stripe_session_id)
        except StripeRejected:
            get_logger().info("checkout.not-open", checkout=checkout.id)  # complete or expired: the sync tells which
        await self._sync.account(checkout.account_id)

    async def _forget(self, checkout: Checkout) -> None:
        """The attempt without a session is over; unless there is one after all, which the next round closes."""
        try:
            await self._commands.perform(checkout.command_key)
        except StripeRejected:
            get_logger().info("checkout.never-made", checkout=checkout.id)
        async with self._pool.transaction() as tx:
            await store.locked_customer(tx, checkout.account_id)
            sql = (
                "update checkout set state = 'expired' where id = $1 and attempt = $2 and state = 'open'"
                " and stripe_session_id is null and not exists (select from stripe_command"
                " where idempotency_key = $3 and state <> 'failed')"
            )
            await tx.execute(sql, checkout.id, checkout.attempt, checkout.command_key)

    async def _trial_days(self, checkout: Checkout) -> int:
        """What the plan grants before it charges, unless the account or the address has had a subscription before."""
        sql = (
            "select true from subscription s join billing_customer c using (account_id)"
            " left join checkout b on b.id = s.checkout_id"
            " where s.account_id = $1 or lower(c.email) = lower($2) or lower(b.email) = lower($2) limit 1"
        )
        had = await self._pool.fetchval(sql, checkout.account_id, checkout.email)
        return 0 if had else self._catalogue.plans[checkout.plan].trial_days


def _fits(checkout: Checkout, wish: Wish) -> bool:
    """Whether the open checkout is what is wished for; the language alone is not worth a new session."""
    return (checkout.id, checkout.plan, checkout.email, checkout.ui) == (
        wish.checkout_id,
        wish.plan,
        wish.email,
        wish.ui,
    )

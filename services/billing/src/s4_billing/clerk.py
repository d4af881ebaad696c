"""What all commands of a person have in common: one after the other, each once, and then our rows follow Stripe."""

from collections.abc import Mapping
from typing import Any

from s4_billing import accounts, cancelling, changes, store
from s4_billing.accounts import BOUGHT, Held
from s4_billing.catalogue import Catalogue
from s4_billing.commands import Commands
from s4_billing.deeds import ENDED, KEEP, PAY, SCHEDULE_END
from s4_billing.derive import State
from s4_billing.errors import NoSuchAccount, NotNow
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import is_id
from s4_store import Pool
from s4_stripe.api import StripeApi
from s4_stripe.errors import CardDeclined, NotAtStripe, StripeRejected
from s4_stripe.facts import Subscription

# What persons ask for has to be done in the order in which they asked; money that goes back holds nobody up.
_ORDERED = frozenset({cancelling.KIND, changes.KIND, SCHEDULE_END, KEEP, PAY})


class Clerk:
    """Knows accounts, and gives commands for them."""

    def __init__(
        self, pool: Pool, api: StripeApi, settings: Settings, *, catalogue: Catalogue, commands: Commands, sync: Sync
    ) -> None:
        self.pool = pool
        self.api = api
        self.settings = settings
        self.catalogue = catalogue
        self.commands = commands
        self._sync = sync

    async def view(self, account_id: str) -> Mapping[str, Any]:
        """The account as our rows have it. Raises NoSuchAccount."""
        shown = await accounts.view(self.pool, self.catalogue, account_id)
        return {**shown, "retention_days": self.settings.retention.days}

    async def synced(self, account_id: str) -> Mapping[str, Any]:
        """The account as Stripe has it now. Raises NoSuchAccount."""
        await self.customer(account_id)
        await self._sync.account(account_id)
        return await self.view(account_id)

    async def customer(self, account_id: str) -> store.CustomerRow:
        """Who the account is. Raises NoSuchAccount."""
        known = await store.customer(self.pool, account_id) if is_id(account_id) else None
        if known is None:
            raise NoSuchAccount("no-such-account")
        return known

    async def held(self, account_id: str) -> Held:
        """What the account has bought and has still. Raises NoSuchAccount, or NotNow."""
        await self.customer(account_id)
        held = await accounts.subscription_of(self.pool, account_id)
        if held is not None and held.state is State.ENDED:
            raise NotNow("already-ended")
        if held is None or held.state not in BOUGHT:
            raise NotNow("not-subscribed")
        return held

    async def fact(self, account_id: str, held: Held) -> Subscription:
        """The subscription as Stripe has it now. Raises NotNow when it has ended there."""
        try:
            fact = await self.api.subscription(held.stripe_subscription_id)
        except NotAtStripe:
            fact = None
        if fact is None or fact.status in ENDED:
            await self._sync.account(account_id)
            raise NotNow("already-ended")
        return fact

    async def was_given(self, account_id: str, key: str) -> bool:
        """Whether the command was given before; if not, all that persons gave before it have their outcome now.

        Raises NoSuchAccount.
        """
        await self.customer(account_id)
        if await self.commands.is_known(key):
            return True
        sql = (
            "select idempotency_key from stripe_command where account_id = $1 and state in ('pending', 'unknown')"
            " and kind = any($2) order by created_at"
        )
        for row in await self.pool.fetch(sql, account_id, list(_ORDERED)):
            try:
                await self.commands.perform(row["idempotency_key"])
            except StripeRejected:
                continue  # an outcome too
        return False

    async def carry_out(self, account_id: str, key: str) -> Mapping[str, Any]:
        """The command is done, and our rows say so. Raises CardDeclined, or NotNow when the subscription has ended."""
        try:
            await self.commands.perform(key)
        except StripeRejected as rejected:
            await self._sync.account(account_id)
            if not isinstance(rejected, CardDeclined):
                await self.held(account_id)
            raise
        return await self.synced(account_id)

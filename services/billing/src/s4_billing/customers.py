"""One customer at Stripe for each account, made before anything is sold to it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from s4_billing import addresses, store
from s4_billing.commands import Commands, Deed, Intent
from s4_runtime import Clock, Temporary
from s4_store import Pool, Transaction
from s4_stripe.api import StripeApi
from s4_stripe.errors import KeySpent
from s4_stripe.facts import Customer

KIND = "customer.create"


def deed(api: StripeApi, clock: Clock) -> Deed:
    """How customers are made."""

    async def find(intent: Intent) -> Customer | None:
        async for found in api.customers_with(intent.params["email"]):
            if not found.deleted and found.metadata == intent.params["metadata"]:
                return found
        return None

    async def record(tx: Transaction, intent: Intent, made: str) -> None:
        await store.name_customer(tx, intent.account_id, made)
        await addresses.follow(tx, intent, made, clock)

    return Deed(api.create_customer, find, record)


class Customers:
    """Accounts as Stripe knows them."""

    def __init__(self, pool: Pool, api: StripeApi, commands: Commands, clock: Clock, deployment: str) -> None:
        self._pool = pool
        self._api = api
        self._commands = commands
        self._clock = clock
        self._deployment = deployment

    async def ensure(self, account_id: str, email: str) -> str:
        """The id of the account's customer, who gets bills at ``email`` until the owner confirms another address."""
        with suppress(KeySpent):
            await self._make(account_id, email)
        await self._make(account_id, email)
        known = await store.customer(self._pool, account_id)
        if known is None or known.stripe_customer_id is None:
            raise Temporary("customer-not-recorded", account=account_id)
        if known.email != email and known.email_at is None:
            await self._api.change_email(known.stripe_customer_id, email)
            await self._pool.execute("update billing_customer set email = $2 where account_id = $1", account_id, email)
        return known.stripe_customer_id

    async def adopt(self, stripe_customer_id: str) -> str | None:
        """The account that the customer says it is for, if we made it and have not recorded it. None: not ours."""
        found = await self._api.customer(stripe_customer_id)
        metadata: Mapping[str, Any] = found.metadata
        account_id = metadata.get("account_id")
        if metadata.get("deployment") != self._deployment or not account_id:
            return None
        async with self._pool.transaction() as tx:
            ours = await store.name_customer(tx, account_id, stripe_customer_id)
            if ours:
                made = Intent(f"adopted:{stripe_customer_id}", KIND, account_id, {"email": found.email})
                await addresses.follow(tx, made, stripe_customer_id, self._clock)
        return account_id if ours else None

    async def _make(self, account_id: str, email: str) -> None:
        """The account has a customer, if Stripe does not refuse it."""
        async with self._pool.transaction() as tx:
            await store.ensure_customer(tx, account_id, email, self._clock.now())
            known = await store.locked_customer(tx, account_id)
            if known is None or known.stripe_customer_id is not None:
                return
            key = await self._write(tx, account_id, known.email if known.email_at else email)
        await self._commands.perform(key)

    async def _write(self, tx: Transaction, account_id: str, email: str) -> str:
        """The key of the command that makes the customer: a new one only after Stripe has refused the last."""
        sql = "select count(*) from stripe_command where account_id = $1 and kind = $2 and state = 'failed'"
        refused = await tx.fetchval(sql, account_id, KIND)
        key = f"cust:{account_id}:{refused}"
        metadata = {"account_id": account_id, "deployment": self._deployment}
        await self._commands.write(tx, Intent(key, KIND, account_id, {"email": email, "metadata": metadata}))
        return key

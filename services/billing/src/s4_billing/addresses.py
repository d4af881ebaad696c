"""Where an account's bills go: to the newest address that its owner has confirmed; Stripe's customer follows it.

Two changes may be under way at once, and a customer may be made while the address changes. So what is sent is looked at
again once it is recorded: if another address is the account's by then, that one is sent after it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from s4_billing import store
from s4_billing.commands import Deed, Intent, written
from s4_billing.insisting import insisted
from s4_bus import Route, on
from s4_contracts.web import EmailChanged
from s4_runtime import Clock
from s4_store import Pool, Transaction
from s4_stripe.api import StripeApi
from s4_stripe.facts import Customer

KIND = "customer.email"


async def change_address(event: EmailChanged, tx: Transaction) -> None:
    """The account has the address, unless it has a newer one, and Stripe's customer is going to have it."""
    customer = await store.locked_customer(tx, event.account_id)
    if customer is None or (customer.email_at is not None and customer.email_at >= event.occurred_at):
        return
    await store.keep_email(tx, event.account_id, event.email, event.occurred_at)
    if customer.stripe_customer_id is not None:
        params = {"customer": customer.stripe_customer_id, "email": event.email}
        intent = Intent(f"email:{event.account_id}:{event.request_id}", KIND, event.account_id, params)
        await written(tx, intent, event.occurred_at)


async def follow(tx: Transaction, sent: Intent, stripe_customer_id: str, clock: Clock) -> None:
    """What was sent was the account's address; if it is another one by now, that is sent next."""
    customer = await store.locked_customer(tx, sent.account_id)
    if customer is not None and customer.email_at is not None and customer.email != sent.params["email"]:
        params = {"customer": stripe_customer_id, "email": customer.email}
        await written(tx, Intent(f"{sent.key}:email", KIND, sent.account_id, params), clock.now())


def deed(pool: Pool, api: StripeApi, clock: Clock) -> Deed:
    """How the customer is given the address."""

    async def look(params: Mapping[str, Any]) -> Customer | None:
        known = await api.customer(params["customer"])
        return known if known.deleted or known.email == params["email"] else None

    async def send(params: Mapping[str, Any], key: str) -> Customer:
        account_id = await store.account_of(pool, params["customer"])
        customer = await store.customer(pool, account_id) if account_id else None
        if customer is not None and customer.email != params["email"]:  # it has a newer one meanwhile
            return await api.customer(params["customer"])
        change = partial(api.change_email, params["customer"], params["email"])
        return await insisted(key, change, partial(look, params))

    async def find(intent: Intent) -> Customer | None:
        return await look(intent.params)

    async def record(tx: Transaction, intent: Intent, made: str) -> None:
        await follow(tx, intent, made, clock)

    return Deed(send, find, record)


def routes() -> list[Route[Any]]:
    """What billing hears of addresses."""
    return [on(EmailChanged, change_address)]

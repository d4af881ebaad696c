"""An account to try Stripe's behaviour with: the stand-in's, or a real one in test mode."""

import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe

from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.stand import standing

REAL_KEY = "S4_STRIPE_TEST_KEY"
_PATIENCE = 60  # seconds for one request across the internet


@dataclass
class Account:
    """The SDK, in front of one of the two; what is made here is told from anything else by `mark`."""

    client: stripe.StripeClient
    http_client: CheckedClient
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    clocks: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        """An address that no other run uses."""
        return f"behaviour-{self.mark}@example.com"

    async def customer(self, **changes: Any) -> stripe.Customer:
        """A customer of this run."""
        params: Any = {"email": self.email, "metadata": {"run": self.mark}, **changes}
        return await self.client.v1.customers.create_async(params)

    async def clock(self) -> stripe.test_helpers.TestClock:
        """A test clock that shows the present time."""
        clock = await self.client.v1.test_helpers.test_clocks.create_async({"frozen_time": int(time.time())})
        self.clocks.append(clock.id)
        return clock

    async def price(self, amount: int = 2500, **changes: Any) -> stripe.Price:
        """A monthly price of a product of its own."""
        product = await self.client.v1.products.create_async({"name": f"Behaviour {self.mark}"})
        params: Any = {
            "product": product.id,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            **changes,
        }
        return await self.client.v1.prices.create_async(params)


def accounts(environment: Mapping[str, str]) -> list[str]:
    """Which accounts the suite is tried with."""
    return ["double", *(["stripe"] if environment.get(REAL_KEY) else [])]


@contextlib.asynccontextmanager
async def the_double() -> AsyncIterator[Account]:
    """A fresh stand-in; its answers are held against the published document at the end."""
    async with standing() as stand:
        yield Account(stand.client, stand.http_client)
        assert stand.problems() == []


@contextlib.asynccontextmanager
async def the_real(key: str) -> AsyncIterator[Account]:
    """Stripe itself, in test mode. What the run made is deleted at its end, as far as Stripe deletes such things."""
    if not key.startswith(("sk_test_", "rk_test_")):
        raise ValueError(f"{REAL_KEY} must be a test key: this suite creates and charges")
    transport = CheckedClient(_PATIENCE)
    client = stripe.StripeClient(key, http_client=transport, max_network_retries=2)
    async with contextlib.aclosing(transport):
        account = Account(client, transport)
        try:
            yield account
        finally:
            for clock in account.clocks:
                await client.v1.test_helpers.test_clocks.delete_async(clock)
            mine = await client.v1.customers.list_async({"email": account.email, "limit": 100})
            for customer in mine.data:
                await client.v1.customers.delete_async(customer.id)

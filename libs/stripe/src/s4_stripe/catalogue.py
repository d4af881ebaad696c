"""Products and prices."""

from typing import Any

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.facts import Price


class Catalogue(Caller):
    """What is sold, as Stripe has it."""

    async def prices(self, lookup_keys: list[str]) -> list[Price]:
        """The active prices that carry one of the keys."""
        params = {"lookup_keys": lookup_keys, "active": True}
        return [found async for found in self._pages(Price, self._v1.prices.list_async, params)]

    async def create_product(self, params: Params, key: str) -> None:
        """A product with an id of our choice. Raises StripeRejected when there is one."""
        await self._ask(dict[str, Any], lambda: self._v1.products.create_async(unchecked(params), keyed(key)))

    async def create_price(self, params: Params, key: str) -> Price:
        """A price; the same key gives the same one."""
        return await self._ask(Price, lambda: self._v1.prices.create_async(unchecked(params), keyed(key)))

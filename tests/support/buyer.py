"""A customer on the way to a furl, patient with services that are just being restarted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.progress import Progress
from s4_shop.shop import Shop

_PAUSE = 0.25  # seconds between two looks at the status page


class Buyer:
    """Uses the public pages as a person would: what fails is tried again for a while."""

    def __init__(self, shop: Shop, customer: Customer, email: str) -> None:
        self._shop = shop
        self.customer = customer
        self.email = email

    @classmethod
    @asynccontextmanager
    async def visiting(cls, shop: Shop, name: str) -> AsyncIterator["Buyer"]:
        """A browser of its own; the address is new for each run."""
        async with Customer(shop.urls["site"]) as customer:
            yield cls(shop, customer, f"{name}-{time.time_ns()}@example.com")

    async def buy(self) -> None:
        """Signed up and paid."""
        await self.customer.sign_up(self.email)
        await self.customer.pay()

    async def wait_until_ready(self, within: float = 150.0) -> Progress:
        """The status page says that the grid is ready."""
        progress = Progress()
        async with asyncio.timeout(within):
            while progress.state != "ready":
                await asyncio.sleep(_PAUSE)
                try:
                    progress.read(await self.customer.open(f"{self._shop.urls['site']}/status"))
                except (Refused, aiohttp.ClientError):
                    continue
                assert progress.state != "failed"
        return progress

    async def claim(self, within: float = 60.0) -> str:
        """The furl, by the link in the letter."""
        async with asyncio.timeout(within):
            while True:
                try:
                    link = await self.customer.letter_link(self._shop.urls["inbox"], self.email)
                    if link is not None:
                        return await self.customer.claim(link)
                except (Refused, aiohttp.ClientError) as trouble:
                    print(f"{self.email}: {trouble}")  # noqa: T201  shown when the test fails
                await asyncio.sleep(_PAUSE)

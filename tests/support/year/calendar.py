"""One clock for the double of Stripe and all four services."""

import asyncio
from datetime import datetime, timedelta

from s4_runtime import SystemClock
from support.histories.inner_stripe import InnerStripe


class Calendar(SystemClock):
    """The machine's clock, as far ahead as the double's world. Whoever sleeps wakes when that moment has come."""

    def __init__(self, stripe: InnerStripe) -> None:
        self._world = stripe.world

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._world.clock._ahead)

    async def sleep(self, seconds: float) -> None:
        wakes = self.now() + timedelta(seconds=seconds)
        while (left := (wakes - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  the world's clock rings no bell
            await asyncio.sleep(min(left, 0.05))

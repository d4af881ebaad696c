"""The loops of the service. Each round may fail without ending its loop; any number of replicas may run them."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random

from prometheus_client import Counter

from s4_billing import inbox, store
from s4_billing.customers import Customers
from s4_billing.sync import Sync
from s4_runtime import LOOP_FAILURES, Clock, Trouble, finishing, get_logger, last_success
from s4_store import Pool, Record, Wakeup
from s4_stripe.api import StripeApi
from s4_stripe.errors import NotAtStripe

BATCH = 50
AT_ONCE = 8
POLL = timedelta(seconds=2)
AFTER_FAILURE = timedelta(seconds=5)

DEAD = Counter("billing_events_dead_total", "Events of Stripe that could not be handled for a day: a person must look.")


async def every(name: str, pause: timedelta, work: Callable[[], Awaitable[object]], clock: Clock) -> None:
    """Do the work for ever, with a pause in between; sooner again after a failure."""
    while True:
        wait = pause
        try:
            await work()
            last_success(name)
        except Exception as error:  # noqa: BLE001  a loop outlives what it meets
            note(name, error)
            wait = min(pause, AFTER_FAILURE)
        await clock.sleep(wait.total_seconds())


async def whenever(name: str, pool: Pool, channel: str, poll: timedelta, work: Callable[[], Awaitable[int]]) -> None:
    """Do the work for ever: again at once while there is some, else when somebody notifies. A stop waits for it."""
    async with Wakeup.listen(pool.url, channel) as wakeup:
        while True:
            try:
                done = await finishing(work())
                last_success(name)
            except Exception as error:  # noqa: BLE001  as above
                note(name, error)
                done = 0
            if not done:
                await wakeup.wait(poll)


def note(loop: str, error: Exception) -> str:
    """Log and count a failed round; its code."""
    code = error.code if isinstance(error, Trouble) else type(error).__name__
    LOOP_FAILURES.labels(loop, code).inc()
    ids = error.ids if isinstance(error, Trouble) else {}
    get_logger().warning("loop.failed", loop=loop, code=code, **ids, exc_info=not isinstance(error, Trouble))
    return code


class Converger:
    """Handles the events of the inbox: whose they are, then one look at each customer."""

    def __init__(
        self, pool: Pool, api: StripeApi, customers: Customers, sync: Sync, clock: Clock, *, random: Random
    ) -> None:
        self._pool = pool
        self._api = api
        self._customers = customers
        self._sync = sync
        self._clock = clock
        self._random = random
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def forever(self) -> None:
        """Handle events as they come."""
        await whenever("events", self._pool, inbox.CHANNEL, POLL, self.round)

    async def round(self) -> int:
        """Claim due events and handle them, those of one customer together. How many were claimed."""
        events = await inbox.claim(self._pool, BATCH, self._clock.now())
        whose: dict[str, list[Record]] = defaultdict(list)
        for event in events:
            # Events of a thin destination do not say whose they are; each is its own group until that is known.
            whose[event["stripe_customer_id"] or f"?{event['id']}"].append(event)
        async with asyncio.TaskGroup() as group:
            for mine in whose.values():
                group.create_task(self._handle(mine))
        return len(events)

    async def _handle(self, events: Sequence[Record]) -> None:
        async with self._slots:
            try:
                if not await self._follow(events[0]):
                    await inbox.ignore(self._pool, [event["id"] for event in events])
            except Exception as error:  # noqa: BLE001  one customer's trouble is not the others'
                code = note("events", error)
                if died := await inbox.failed(self._pool, events, code, self._clock.now(), self._random):
                    DEAD.inc(died)
                    get_logger().error("event.dead", code=code, events=[event["id"] for event in events])

    async def _follow(self, event: Record) -> bool:
        """Bring the account up to date that the event is about; false if it is about none of ours."""
        customer = event["stripe_customer_id"]
        if customer is None:
            customer = await self._api.customer_of(event["object_type"], event["object_id"])
            if customer is None:
                return False
            await inbox.belongs_to(self._pool, event["id"], customer)
        account_id = await store.account_of(self._pool, customer) or await self._adopt(customer)
        if account_id is None:
            return False
        await self._sync.account(account_id)
        return True

    async def _adopt(self, customer: str) -> str | None:
        try:
            return await self._customers.adopt(customer)
        except NotAtStripe:
            return None

"""Deliveries to every endpoint that wants an event: at once, together, in any order, tried five times."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Literal, get_args

import aiohttp

from s4_devcloud.stripe.endpoints import Endpoint, all_endpoints
from s4_devcloud.stripe.journal import Delivery, Journal
from s4_devcloud.stripe.letters import Letter, write
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.store import Store
from s4_devcloud.stripe.wire import Wire

Mode = Literal["normal", "hold", "drop", "duplicate", "shuffle", "delay", "forge", "stale", "wrong_livemode"]
_TRIES = 5
_GROWTH = 3.0  # each wait is this many times the one before
_SHUFFLE_SECONDS = 0.4  # the most that shuffling delays a delivery


@dataclass(frozen=True)
class _Batch:
    """Events for one endpoint, one after the other."""

    endpoint: Endpoint
    events: list[str]


@dataclass
class Webhooks:
    """The deliveries under way. `run` must be running for anything to be delivered."""

    settings: Settings
    store: Store
    journal: Journal
    mode: Mode = "normal"
    delay_seconds: float = 1.0
    held: list[str] = field(default_factory=list)
    pending: int = 0
    _random: random.Random = field(default_factory=random.Random)
    _queue: "asyncio.Queue[_Batch]" = field(default_factory=asyncio.Queue)
    _missing: dict[str, set[str]] = field(default_factory=dict)
    _generation: int = 0

    def take(self, event: Wire) -> None:
        """Deliver a new event as the mode says."""
        name, wanting = str(event["id"]), self._wanting(event)
        if not wanting:
            return
        self._missing[name] = {endpoint.name for endpoint in wanting}
        self._mark(name, len(wanting))
        if self.mode == "drop":
            return
        if self.mode == "hold":
            self.held.append(name)
            return
        for _ in range(2 if self.mode == "duplicate" else 1):
            self._enqueue([_Batch(endpoint, [name]) for endpoint in wanting])

    def behave(self, mode: Mode, delay_seconds: float = 1.0) -> None:
        """Change the mode; what is held stays held until it is released."""
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}")
        self.mode, self.delay_seconds = mode, delay_seconds

    def release(self, order: str | list[str]) -> list[str]:
        """Deliver what is held, one after the other: fifo, lifo, random, or the given event identifiers in order.

        Identifiers may repeat, and may name events that were delivered before. Raises ValueError for unknown ones.
        """
        match order:
            case "fifo":
                released = list(self.held)
            case "lifo":
                released = self.held[::-1]
            case "random":
                released = self._random.sample(self.held, len(self.held))
            case list():
                released = list(order)
            case _:
                raise ValueError("order must be fifo, lifo, random or a list of event identifiers")
        events = [self._known(name) for name in released]
        self.held = [name for name in self.held if name not in released]
        batches: dict[str, _Batch] = {}
        for event in events:
            for endpoint in self._wanting(event):
                batches.setdefault(endpoint.name, _Batch(endpoint, [])).events.append(str(event["id"]))
        self._enqueue(list(batches.values()))
        return released

    def endpoints(self) -> list[Endpoint]:
        """Who is told."""
        with self.store.transaction() as tx:
            return list(all_endpoints(tx, self.settings))

    def clear(self) -> None:
        """Forget all deliveries and return to normal."""
        self.mode, self.pending = "normal", 0
        self.held.clear()
        self._missing.clear()
        self._generation += 1

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self.settings.webhook_timeout_seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._deliver_all(session, await self._queue.get(), self._generation))

    def _exists(self, endpoint: Endpoint) -> bool:
        return any(endpoint.name == known.name for known in self.endpoints())

    def _wanting(self, event: Wire) -> list[Endpoint]:
        return [endpoint for endpoint in self.endpoints() if endpoint.wants(event)]

    def _enqueue(self, batches: list[_Batch]) -> None:
        for batch in batches:
            self.pending += 1
            self._queue.put_nowait(batch)

    def _known(self, name: str) -> Wire:
        event = self._event(name)
        if event is None:
            raise ValueError(f"no event {name}")
        return event

    def _event(self, name: str) -> Wire | None:
        with self.store.transaction() as tx:
            return tx.get("event", name)

    async def _deliver_all(self, session: aiohttp.ClientSession, batch: _Batch, generation: int) -> None:
        for name in batch.events:
            await self._deliver(session, batch.endpoint, name, generation)
        if generation == self._generation:
            self.pending -= 1

    async def _deliver(self, session: aiohttp.ClientSession, to: Endpoint, name: str, generation: int) -> None:
        wait = self.settings.retry_seconds
        if self.mode == "shuffle":
            await asyncio.sleep(self._random.uniform(0, _SHUFFLE_SECONDS))
        elif self.mode == "delay":
            await asyncio.sleep(self.delay_seconds)
        for attempt in range(1, _TRIES + 1):
            event = self._event(name)
            if event is None or generation != self._generation or not self._exists(to):
                return
            if await self._try(session, to, event, attempt):
                self._arrived(name, to)
                return
            if attempt < _TRIES:
                await asyncio.sleep(wait)
                wait *= _GROWTH

    async def _try(self, session: aiohttp.ClientSession, to: Endpoint, event: Wire, attempt: int) -> bool:
        """Whether the endpoint answered 2xx."""
        letter = write(to, event, self.mode)
        status, error = None, None
        try:
            status = await _post(session, to.url, letter)
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            error = type(failed).__name__
        row = Delivery(str(event["id"]), str(event["type"]), to.name, attempt, self.mode, status, error)
        self.journal.deliveries.append(row)
        return status is not None and 200 <= status < 300

    def _arrived(self, name: str, at: Endpoint) -> None:
        missing = self._missing.get(name, set())
        missing.discard(at.name)
        self._mark(name, len(missing))

    def _mark(self, name: str, pending: int) -> None:
        with self.store.transaction() as tx:
            event = tx.get("event", name)
            if event is not None:
                tx.put({**event, "pending_webhooks": pending})


async def _post(session: aiohttp.ClientSession, url: str, letter: Letter) -> int:
    async with session.post(url, data=letter.body, headers=letter.headers, allow_redirects=False) as answer:
        await answer.read()
        return answer.status

"""Signed deliveries to the configured endpoint: at once, together, in any order, tried five times."""

import asyncio
import hashlib
import hmac
import json
import random
from dataclasses import dataclass, field
from typing import Literal, get_args

import aiohttp

from s4_devcloud.stripe.clock import wall_time
from s4_devcloud.stripe.journal import Delivery, Journal
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.store import Store
from s4_devcloud.stripe.wire import Wire

Mode = Literal["normal", "hold", "drop", "duplicate", "shuffle", "forge", "stale"]
_TRIES = 5
_GROWTH = 3.0  # each wait is this many times the one before
_STALE_SECONDS = 600  # twice the age that Stripe's SDK tolerates
_SHUFFLE_SECONDS = 0.4  # the most that shuffling delays a delivery


def signature(secret: str, body: bytes, moment: int) -> str:
    """The Stripe-Signature header for a body."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


@dataclass
class Webhooks:
    """The deliveries under way. `run` must be running for anything to be delivered."""

    settings: Settings
    store: Store
    journal: Journal
    mode: Mode = "normal"
    held: list[str] = field(default_factory=list)
    pending: int = 0
    _random: random.Random = field(default_factory=random.Random)
    _queue: "asyncio.Queue[list[str]]" = field(default_factory=asyncio.Queue)
    _generation: int = 0

    def take(self, event: Wire) -> None:
        """Deliver a new event as the mode says."""
        if self.settings.webhook_url is None:
            return
        self._mark(str(event["id"]), pending=1)
        if self.mode == "drop":
            return
        if self.mode == "hold":
            self.held.append(str(event["id"]))
            return
        for _ in range(2 if self.mode == "duplicate" else 1):
            self._enqueue([str(event["id"])])

    def behave(self, mode: Mode) -> None:
        """Change the mode; what is held stays held until it is released."""
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}")
        self.mode = mode

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
                released = [self._known(name) for name in order]
            case _:
                raise ValueError("order must be fifo, lifo, random or a list of event identifiers")
        self.held = [name for name in self.held if name not in released]
        self._enqueue(released)
        return released

    def clear(self) -> None:
        """Forget all deliveries and return to normal."""
        self.mode, self.pending = "normal", 0
        self.held.clear()
        self._generation += 1

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self.settings.webhook_timeout_seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._deliver_all(session, await self._queue.get(), self._generation))

    def _enqueue(self, names: list[str]) -> None:
        if names:
            self.pending += 1
            self._queue.put_nowait(names)

    def _known(self, name: str) -> str:
        with self.store.transaction() as tx:
            if tx.get("event", name) is None:
                raise ValueError(f"no event {name}")
        return name

    async def _deliver_all(self, session: aiohttp.ClientSession, names: list[str], generation: int) -> None:
        for name in names:
            await self._deliver(session, name, generation)
        if generation == self._generation:
            self.pending -= 1

    async def _deliver(self, session: aiohttp.ClientSession, name: str, generation: int) -> None:
        wait = self.settings.retry_seconds
        if self.mode == "shuffle":
            await asyncio.sleep(self._random.uniform(0, _SHUFFLE_SECONDS))
        for attempt in range(1, _TRIES + 1):
            if generation != self._generation:
                return
            if await self._try(session, name, attempt):
                self._mark(name, pending=0)
                return
            if attempt < _TRIES:
                await asyncio.sleep(wait)
                wait *= _GROWTH

    async def _try(self, session: aiohttp.ClientSession, name: str, attempt: int) -> bool:
        """Whether the endpoint answered 2xx."""
        with self.store.transaction() as tx:
            event = tx.get("event", name)
        if event is None:
            return True
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": self._sign(body),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks; local stand-in)",
        }
        status, error = None, None
        try:
            url = str(self.settings.webhook_url)
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            error = type(failed).__name__
        self.journal.deliveries.append(Delivery(name, str(event["type"]), attempt, self.mode, status, error))
        return status is not None and 200 <= status < 300

    def _sign(self, body: bytes) -> str:
        secret = self.settings.webhook_secret or ""
        match self.mode:
            case "forge":
                return signature("whsec_somebody_elses", body, wall_time())
            case "stale":
                return signature(secret, body, wall_time() - _STALE_SECONDS)
            case _:
                return signature(secret, body, wall_time())

    def _mark(self, name: str, pending: int) -> None:
        with self.store.transaction() as tx:
            event = tx.get("event", name)
            if event is not None:
                tx.put({**event, "pending_webhooks": pending})

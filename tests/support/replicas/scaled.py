"""Payments that come all at once, before more replicas and before fewer."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, SignupId, SubscriptionId
from s4_runtime import SystemClock, new_id
from s4_store import Pool
from support.ledger import EXACTLY_ONE, Ledger
from support.replicas.books import Books, balanced, holdings
from support.replicas.processor import spent, used
from support.replicas.release import Release
from support.replicas.shop import ReplicatedShop, shared_hosts
from support.waiting import until

RELEASE = Release("0f0f0f0f0f0f")
_PROBE = """#!/bin/sh
cat > /dev/null
sleep "$(cat "$0.seconds")"
echo '{"ok": true, "total_seconds": 0.01}'
"""
_FIRST = 1  # signups before anything is measured: the host is up, everybody is warm
_IN_HAND = 12  # signups on their way for each replica
_WARM, _LOOK = 4.0, 0.1  # seconds
_PATIENCE = 300.0  # seconds, on a busy machine
_PACE = 0.05  # of the manifests' pauses: what is measured is between them
PROBE_SECONDS = 2.0  # that a real client takes, of a processor that it would have to itself
_LETTERS = "select count(*) from letters where kind = 'welcome' and state = 'sent'"


@dataclass(frozen=True)
class Rate:
    """So many signups from the payment to the letter, by so many replicas of each service.

    `probed` is how long each proof had to wait for its client, which used no processor here.
    """

    replicas: int
    probed: float
    signups: int
    seconds: float
    processor: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.signups / self.seconds

    @property
    def each(self) -> Mapping[str, float]:
        """Milliseconds of processor for one signup, by whose."""
        return {name: seconds * 1000 / max(1, self.signups) for name, seconds in self.processor.items() if seconds}

    def __str__(self) -> str:
        heavy = sorted(self.each.items(), key=lambda each: -each[1])
        by = ", ".join(f"{name} {each:.0f}" for name, each in heavy)
        total = sum(self.processor.values())
        return (
            f"{self.replicas} of each, proofs of {self.probed:g} s: {self.signups} in {self.seconds:.1f} s,"
            f" {self.per_second:.2f} a second; {total / self.seconds:.2f} processors busy with it;"
            f" ms of processor for each signup: {by}"
        )


@dataclass(frozen=True)
class Fewer:
    """What came of payments during which all but one replica of each service ended."""

    signups: int
    left: int
    seconds: float
    odd: tuple[str, ...]
    books: Books

    @property
    def wrong(self) -> list[str]:
        """What should not have been; nothing when all is well."""
        found = {"not exactly one": self.odd, "lost": self.books.lost, "doubled": self.books.doubled}
        return [f"{what}: {which}" for what, which in found.items() if which]


class Scaled:
    """A shop with a crowd for machines and with a probe that is always content; payments come by billing's outbox."""

    def __init__(self, made: ReplicatedShop, payments: Pool, probe: Path) -> None:
        self._made, self._payments, self._probe = made, payments, probe
        self._ledger = Ledger(made.shop)
        self._emails: list[str] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator["Scaled"]:
        """One replica of each service, all of them warm."""
        probe = folder / "probe"
        probe.write_text(_PROBE)
        probe.chmod(probe.stat().st_mode | stat.S_IXUSR)
        told = {"S4_PROBE_COMMAND": str(probe), "S4_GRID_PORTS": "10000-32767", "S4_HOST_USER": "s4"}
        options = msgspec.structs.replace(shared_hosts(provisioner=told), durable=True)
        async with (
            ReplicatedShop.open(folder / "shop", options, RELEASE, replicas=1, pace=_PACE, of_a_crowd=True) as made,
            Pool.open(made.shop.database_url("billing"), max_size=1) as payments,
        ):
            scaled = cls(made, payments, probe)
            scaled._prove_within(0)
            await scaled._pay(_FIRST)
            await scaled._served()
            yield scaled

    async def scale(self, replicas: int) -> None:
        """So many replicas of each service are ready, and nobody else runs."""
        await self._made.scale(replicas, RELEASE)
        await self._made.settled()

    async def rate(self, replicas: int, window: float, *, probed: float = 0) -> Rate:
        """What these replicas do in so many seconds while there is always something to do."""
        self._prove_within(probed)
        loop, most = asyncio.get_running_loop(), _IN_HAND * replicas
        flow = asyncio.create_task(self._flow(most))
        await asyncio.sleep(_WARM + probed)
        before, letters, began = used(self._made), await self._letters(), loop.time()
        await asyncio.sleep(window)
        done, seconds, after = await self._letters() - letters, loop.time() - began, used(self._made)
        flow.cancel()
        await asyncio.gather(flow, return_exceptions=True)
        await self._served()
        return Rate(replicas, probed, done, seconds, spent(before, after))

    async def _flow(self, most: int) -> None:
        """For ever: so many are on their way."""
        while True:
            if missing := most - (len(self._emails) - await self._letters()):
                await self._pay(missing)
            await asyncio.sleep(_LOOK)

    async def fewer(self, replicas: int, signups: int) -> Fewer:
        """Of so many replicas of each service one is left after a part of the work; some go without a word."""
        await self.scale(replicas)
        self._prove_within(0)
        before, began = len(self._emails), time.monotonic()
        await self._pay(signups)
        await self._served(of=before + signups // 4)
        left = before + signups - await self._letters()
        for service in self._made.services.values():
            service.lose(service.replicas[-1])
        await self._made.scale(1, RELEASE)
        await self._served()
        seconds = time.monotonic() - began

        async def is_settled() -> bool:
            books = await balanced(self._made.shop)
            return not books.unsent and not books.lost

        await until(is_settled, within=_PATIENCE, what="every event is with everybody who listens")
        mine = self._emails[before:]
        held = await holdings(self._made.shop, mine)
        odd = tuple(f"{email}: {held[email]}" for email in mine if held[email] != EXACTLY_ONE)
        return Fewer(signups, left, seconds, odd, await balanced(self._made.shop))

    def _prove_within(self, seconds: float) -> None:
        self._probe.with_suffix(".seconds").write_text(f"{seconds:g}")

    async def _pay(self, count: int) -> None:
        """So many payments are in billing's outbox, as if its webhook had just been followed."""
        events = [_a_payment() for _ in range(count)]
        async with self._payments.transaction() as tx:
            for event in events:
                await tx.emit(event)
        self._emails += [event.email for event in events]

    async def _served(self, of: int | None = None) -> None:
        """All of them, or so many, have the letter that leads to their furl."""
        wanted = len(self._emails) if of is None else of

        async def are_served() -> bool:
            return await self._letters() >= wanted

        await until(are_served, within=_PATIENCE, what=f"{wanted} letters")

    async def _letters(self) -> int:
        (row,) = await self._ledger.rows("notifier", _LETTERS)
        return int(row["count"])


def _a_payment() -> SignupPaid:
    signup = new_id()
    return SignupPaid(
        occurred_at=SystemClock().now(),
        account_id=AccountId(new_id()),
        signup_id=SignupId(signup),
        subscription_id=SubscriptionId(new_id()),
        plan="personal",
        email=f"{signup}@example.test",
        quota_bytes=10**12,
    )

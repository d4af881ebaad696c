"""A release rolled out while people sign up, and everything that can be counted afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.ledger import EXACTLY_ONE, Holdings, Ledger
from support.replicas.books import Books, balanced, holdings, webhooks
from support.replicas.release import ADDED, Release, later
from support.replicas.shop import ReplicatedShop, shared_hosts
from support.replicas.visitors import Answers, Bought, Visitors
from support.waiting import until

OLD = Release("0f0f0f0f0f0f")
_REPLICAS, _READERS, _BUYERS = 2, 4, 3
_TURN = 0.25  # seconds that a reader looks at a page
_SETTLED = 60.0


@dataclass(frozen=True)
class Rolled:
    """What a rollout of two replicas of each service was like for those who were there."""

    seconds: float
    answers: Answers
    troubles: Mapping[str, str]
    bought: tuple[Bought, ...]
    webhooks: int
    refused_webhooks: tuple[str, ...]
    revisions: frozenset[str]
    exits: Counter[int | None]
    holdings: Mapping[str, Holdings]
    leftovers: tuple[str, ...]
    books: Books

    @property
    def wrong(self) -> list[str]:
        """What should not have been, in words; nothing when all is well."""
        odd = {email: held for email, held in self.holdings.items() if held != EXACTLY_ONE}
        found = {
            "failed requests": dict(self.answers.failed),
            "connections": dict(self.troubles),
            "webhooks not taken at once": self.refused_webhooks,
            "signups without exactly one of each": odd,
            "signups without furl": [one for one in self.bought if not one.claimed],
            "left over": self.leftovers,
            "events lost": self.books.lost,
            "events doubled": self.books.doubled,
            "ended otherwise than by themselves": {each: n for each, n in self.exits.items() if each != 0},
            "releases that run": self.revisions if len(self.revisions) != 1 else (),
        }
        return [f"{what}: {which}" for what, which in found.items() if which]

    def __str__(self) -> str:
        ready = sorted(one.ready - one.paid for one in self.bought if one.ready)
        return (
            f"rollout {self.seconds:.0f} s: {self.answers.requests} requests, {self.answers.failed.total()} failed,"
            f" longest gap between answers {self.answers.longest_gap:.2f} s; {len(self.bought)} signups,"
            f" paid to ready {ready[len(ready) // 2]:.1f} s (median), {ready[-1]:.1f} s (longest);"
            f" {self.webhooks} webhooks; {self.books.events} events, {self.books.deliveries} deliveries,"
            f" {len(self.books.lost)} lost, {len(self.books.doubled)} doubled"
        )


async def rolled_out(folder: Path, pace: float) -> Rolled:
    """The release is replaced by a later one, with pauses that are `pace` of what the manifests say."""
    new = later(folder / "later", "1a1a1a1a1a1a")
    async with ReplicatedShop.open(folder / "shop", shared_hosts(), OLD, replicas=_REPLICAS, pace=pace) as made:
        visitors, before = Visitors(made.shop), len(await webhooks(made.shop))
        made.forget_troubles()
        seconds = await _under_way(made, visitors, new)
        services, ledger = made.services.values(), Ledger(made.shop)

        async def is_settled() -> bool:
            books = await balanced(made.shop)
            return not books.unsent and not books.lost

        await until(is_settled, within=_SETTLED, what="every event is with everybody who listens")
        await ledger.rows("web", f"select {ADDED} from outbox limit 1")  # noqa: S608  a name of ours
        deliveries = (await webhooks(made.shop))[before:]
        return Rolled(
            seconds=seconds,
            answers=visitors.answers,
            troubles=made.troubles(),
            bought=tuple(visitors.bought),
            webhooks=len(deliveries),
            refused_webhooks=tuple(f"{one['type']} {one['status']}" for one in deliveries if one["status"] != 200),
            revisions=frozenset([each for service in services for each in await service.revisions()]),
            exits=Counter(one.exit_status for service in services for one in service.ended),
            holdings=await holdings(made.shop, [one.email for one in visitors.bought]),
            leftovers=tuple(await ledger.leftovers()),
            books=await balanced(made.shop),
        )


async def _under_way(made: ReplicatedShop, visitors: Visitors, new: Release) -> float:
    """How long it took while people came; all of them are served afterwards."""
    is_over = asyncio.Event()
    readers = [asyncio.create_task(visitors.read(_TURN, keeps_alive=bool(number % 2))) for number in range(_READERS)]
    buyers = [asyncio.create_task(visitors.buy_until(is_over, keeps_alive=bool(number))) for number in range(_BUYERS)]
    await until(lambda: any(one.claimed for one in visitors.bought), within=120, what="the first furl")
    began = time.monotonic()
    await made.deploy(new)
    took = time.monotonic() - began
    await made.settled()
    is_over.set()
    await asyncio.gather(*buyers)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return took

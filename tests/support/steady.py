"""Events at a steady rate while servers go away, and how long nothing arrived."""

import asyncio
from datetime import datetime, timedelta

from s4_runtime import Temporary
from support.bus import Bus
from support.events import an_invite
from support.waiting import until

TIMED_EFFECTS = (
    "create table effects (request_id text not null, at timestamptz not null default clock_timestamp());"
    "create index on effects (at)"
)
_PAUSE = 0.1  # seconds
_LONGEST_GAP = """
select extract(epoch from coalesce(max(gap), interval '0'))::float8 from (
    select at - lag(at) over (order by at) as gap, at from effects
) gaps where at >= $1
"""


class SteadyLoad:
    """Puts events into the sender's outbox, ten times a second. ``ids`` are those that were said to be committed."""

    def __init__(self, bus: Bus, at_once: int = 10) -> None:
        self._bus = bus
        self._at_once = at_once
        self._ended = asyncio.Event()
        self._still = asyncio.Event()
        self.ids: list[str] = []

    async def flow(self) -> None:
        """Until ``end``. While the database is away nothing is emitted."""
        while not self._ended.is_set():
            events = [an_invite() for _ in range(self._at_once)]
            ids = [event.request_id for event in events]
            try:
                async with self._bus.sender.transaction() as tx:
                    for event in events:
                        await tx.emit(event)
                self.ids += ids
            except Temporary:
                pass  # or committed all the same, and the answer was lost: `committed` knows
            try:
                async with asyncio.timeout(_PAUSE):
                    await self._ended.wait()
            except TimeoutError:
                continue

        self._still.set()

    async def end(self) -> None:
        """No more events, and none is under way."""
        self._ended.set()
        await self._still.wait()

    async def goes_on(self, count: int, within: float = 120.0) -> None:
        """Wait until so many events that are emitted from now on have had their effect."""
        first = len(self.ids)

        async def arrived() -> bool:
            wanted = self.ids[first : first + count]
            had = "select count(distinct request_id) from effects where request_id = any($1)"
            return len(wanted) == count and bool(await self._bus.receiver.fetchval(had, wanted) == count)

        await until(arrived, within=within, what=f"{count} more effects", pause=0.1)

    async def committed(self) -> list[str]:
        """All that are in the outbox; each of `ids` is."""
        rows = await self._bus.sender.fetch("select body->>'request_id' as id from outbox")
        found = [str(row["id"]) for row in rows]
        assert set(self.ids) <= set(found)
        return found

    async def now(self) -> datetime:
        """By the clock that effects are timed by."""
        at = await self._bus.receiver.fetchval("select clock_timestamp()")
        assert isinstance(at, datetime)
        return at

    async def longest_gap(self, since: datetime) -> timedelta:
        """The longest time without any effect that ended since then."""
        return timedelta(seconds=float(await self._bus.receiver.fetchval(_LONGEST_GAP, since)))

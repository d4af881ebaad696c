"""How the service stands, looked up at most every few seconds however many ask."""

import asyncio
from datetime import date, datetime, timedelta

import msgspec

from s4_runtime import Clock, PeerUnavailable
from s4_store import DatabaseUnavailable, Pool
from s4_web.billing_client import Billing
from s4_web.service import words
from s4_web.service.facts import days_until, facts
from s4_web.service.tally import day_of
from s4_web.service.words import Day, Part, Shop

_KEPT = timedelta(seconds=15)


class Standing(msgspec.Struct, frozen=True):
    """What is told at one moment."""

    at: datetime
    parts: dict[str, Part]
    usual_seconds: float | None
    usual_words: str
    history: dict[str, list[Day]]

    @property
    def days(self) -> list[date]:
        """The days of the history, the latest first."""
        return [day.day for day in reversed(self.history["payment"])]

    @property
    def headline(self) -> str:
        """All of it in one sentence."""
        states = {part.state for part in self.parts.values()}
        if "down" in states:
            return "Something does not work right now"
        if "trouble" in states:
            return "There is some trouble"
        return "All that we know of is well" if "unknown" in states else "All is well"


class Board:
    """Remembers the last standing for a moment; nothing is lost with it."""

    def __init__(self, pool: Pool, billing: Billing, clock: Clock, believed: timedelta) -> None:
        self._pool, self._billing, self._clock, self._believed = pool, billing, clock, believed
        self._last: Standing | None = None
        self._looking = asyncio.Lock()

    async def standing(self) -> Standing:
        """How it stands, a few seconds ago at most."""
        async with self._looking:
            now = self._clock.now()
            if self._last is None or not timedelta() <= now - self._last.at < _KEPT:
                self._last = await self._look(now)
            return self._last

    async def _look(self, now: datetime) -> Standing:
        try:
            known = await facts(self._pool, now, self._believed)
        except DatabaseUnavailable:
            known = None
        told = words.history(known, days_until(day_of(now)))
        parts = words.parts(known, await self._shop())
        return Standing(now, parts, words.usual(known), words.usual_words(known), told)

    async def _shop(self) -> Shop:
        try:
            offer = await self._billing.offer()
        except PeerUnavailable:
            return "silent"
        return "open" if offer.open and offer.plans else "closed"

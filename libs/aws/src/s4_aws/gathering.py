"""What many ask for at the same moment is asked once: whoever stands at the head of the line asks for all behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from s4_aws.trouble import OutOfTime
from s4_runtime import Clock, SystemClock, Temporary, Trouble

_SECONDS = 0.05
Answer = TypeVar("Answer")


class Wish(msgspec.Struct, Generic[Answer], eq=False, kw_only=True):
    """What somebody waits for, and what came of it."""

    answer: Answer | None = None
    trouble: Trouble | None = None

    @property
    def is_settled(self) -> bool:
        """Whether whoever waits can go."""
        return self.answer is not None or self.trouble is not None


W = TypeVar("W", bound=Wish)  # type: ignore[type-arg]  # of whatever answer


class Line(Generic[W]):
    """Wishes in the order in which they came. One request is under way at a time."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._wishes: list[W] = []
        self._head = asyncio.Lock()

    async def stand(self, wish: W, ask: Callable[[list[W]], Awaitable[None]]) -> None:
        """The wish is settled, by this caller's ``ask`` or by that of somebody ahead. Raises what went wrong with it.

        ``ask`` settles some of the wishes that it is given, the first among them, and fails only for its own caller: by
        being cancelled or running out of time. Then the next in line asks again.
        """
        since = self._clock.monotonic()
        self._wishes.append(wish)
        try:
            async with self._head:
                if not wish.is_settled:
                    await self._lead(wish, since, ask)
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)
        if wish.trouble is not None:
            raise wish.trouble

    async def _lead(self, wish: W, since: float, ask: Callable[[list[W]], Awaitable[None]]) -> None:
        rest = since + _SECONDS - self._clock.monotonic()
        if rest > 0:  # who waited behind another request has gathered enough
            await self._clock.sleep(rest)
        try:
            await ask(list(self._wishes))
        except OutOfTime:
            if not wish.is_settled:
                raise
        finally:
            self._wishes = [each for each in self._wishes if not each.is_settled]
        if not wish.is_settled:
            raise Temporary("aws-not-answered")

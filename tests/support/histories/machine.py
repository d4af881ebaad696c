"""Random histories of the whole service: what may follow what. The promises are checked at the end of each."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from support.histories import promises
from support.histories.choices import CARDS, DAYS, MOODS, PLANS, SEEDS, TROUBLE
from support.histories.eventful import CLICKS, Eventful
from support.histories.outside import OUTSIDE
from support.histories.stack import Mood, Stack

_SLOW = frozenset({"hang", "commit_then_timeout"})
_DEEDS = st.sampled_from(sorted({*CLICKS, *OUTSIDE}))


class Logs:
    """What was logged since `begin`, as it would be written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nothing is printed meanwhile."""
        level = logging.getLogger().level
        logging.getLogger().setLevel(logging.CRITICAL)
        structlog.configure(processors=[structlog.processors.format_exc_info, self._keep])
        try:
            yield
        finally:
            structlog.reset_defaults()
            logging.getLogger().setLevel(level)

    def _keep(self, _logger: Any, _name: str, line: MutableMapping[str, Any]) -> str:
        self.lines.append(str(line))
        raise structlog.DropEvent


class Histories(RuleBasedStateMachine):
    """Each run is one account's history. A subclass says in which loop and stack."""

    runner: asyncio.Runner
    stack: Stack
    logs: Logs
    count = 0

    def __init__(self) -> None:
        super().__init__()
        self.life: Eventful

    def does(self, work: Coroutine[Any, Any, object]) -> None:
        """The work is done."""
        self.runner.run(work)

    @initialize(seed=SEEDS, card=CARDS, mood=MOODS, plan=PLANS)
    def signs_up(self, seed: int, card: str, mood: Mood, plan: str) -> None:
        type(self).count += 1
        self.logs.lines.clear()
        self.life = Eventful(self.stack, seed)

        async def begin() -> None:
            await self.stack.begin()
            await self.life.open(plan)
            self.life.pay(0, card)
            await self.life.told(mood)

        self.does(begin())

    @rule(what=_DEEDS, mood=MOODS, days=DAYS)
    def happens(self, what: str, mood: Mood, days: int) -> None:
        """Somebody does something; time passes; Stripe tells of it, somehow."""

        async def happen() -> None:
            if what in CLICKS:
                await CLICKS[what](self.life)
            else:
                self.life.does(OUTSIDE[what])
            self.life.wait(days)
            await self.life.told(mood)

        self.does(happen())

    @rule(tab=st.integers(0, 3), card=CARDS, plan=PLANS, another=st.booleans())
    def buys_again(self, tab: int, card: str, plan: str, *, another: bool) -> None:
        async def buy() -> None:
            await self.life.open(plan, another=another)
            self.life.pay(tab, card)

        self.does(buy())

    @rule(trouble=TROUBLE)
    def goes_wrong(self, trouble: str | tuple[Any, ...]) -> None:
        """Stripe fails, the service dies in the middle of something, or a loop is earlier than it should be."""
        match trouble:
            case (match, kind, times):
                self.stack.stripe.fault(match, kind, 1 if kind in _SLOW else times)
            case (loop, readings):
                self.does(self.life.crash(loop, readings))
            case _:
                self.does(self.stack.turn(str(trouble)))

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        self.does(self.life.keeps_all_promises())
        promises.no_secret("logs", self.logs.lines)
        self.does(self._keeps_secrets())

    async def _keeps_secrets(self) -> None:
        tables = await self.stack.rows("select tablename from pg_tables where schemaname = 'public'")
        names = [row["tablename"] for row in tables]
        sql = " union all ".join(f"select to_json(t)::text as it from {name} t" for name in names)  # noqa: S608  ours
        promises.no_secret("rows", [row["it"] for row in await self.stack.rows(sql)])

"""People at the site, while services are replaced: what each asked for, and what was not answered well."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.progress import follow
from s4_shop.shop import Shop

_PAGES = ("/", "/plans", "/how", "/signup")
_GRID, _LETTER = 240.0, 180.0  # seconds, on a busy machine
_PAUSE = 0.3  # seconds between two looks into the inbox


@dataclass
class Answers:
    """Every answer and every failure of every visitor."""

    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    longest_gap: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def watched(self, customer: Customer, *, keeps_alive: bool) -> None:
        """The browser's requests are counted here; none is quietly tried again."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._ended)
        trace.on_request_exception.append(self._broke)
        trace.freeze()
        customer.session.trace_configs.append(trace)
        customer.session._retry_connection = False
        if not keeps_alive:
            customer.session.headers["Connection"] = "close"

    async def _ended(self, _: object, __: SimpleNamespace, told: aiohttp.TraceRequestEndParams) -> None:
        self.requests += 1
        if told.response.status >= 400:
            self.failed[f"{told.method} {urlsplit(str(told.url)).path} {told.response.status}"] += 1
            return
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now

    async def _broke(self, _: object, __: SimpleNamespace, told: aiohttp.TraceRequestExceptionParams) -> None:
        if not isinstance(told.exception, asyncio.CancelledError):
            self.requests += 1
            self.failed[f"{told.method} {urlsplit(str(told.url)).path} {type(told.exception).__name__}"] += 1


@dataclass
class Bought:
    """One signup, and when what came of it was seen."""

    email: str
    paid: float = 0.0
    ready: float = 0.0
    claimed: float = 0.0


class Visitors:
    """Readers who turn pages all the time, and buyers who come one after the other."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.answers = Answers()
        self.bought: list[Bought] = []

    async def read(self, pause: float, *, keeps_alive: bool) -> None:
        """For ever."""
        async with Customer(self._shop.urls["site"]) as customer:
            self.answers.watched(customer, keeps_alive=keeps_alive)
            while True:
                for page in _PAGES:
                    try:
                        await customer.open(self._shop.urls["site"] + page)
                    except (Refused, aiohttp.ClientError):
                        continue  # it is counted
                    finally:
                        await asyncio.sleep(pause)

    async def buy_until(self, is_over: asyncio.Event, *, keeps_alive: bool) -> None:
        """One signup after the other; the last one is finished, too."""
        while not is_over.is_set():
            try:
                await self.buy(keeps_alive=keeps_alive)
            except (Refused, aiohttp.ClientError, TimeoutError) as trouble:
                self.answers.failed[f"a signup: {type(trouble).__name__} {trouble}"] += 1

    async def buy(self, *, keeps_alive: bool) -> None:
        """From the first page to the furl, by the link in the letter. Raises what a person would meet."""
        bought = Bought(f"visitor-{time.time_ns()}@example.com")
        async with Customer(self._shop.urls["site"]) as customer:
            self.answers.watched(customer, keeps_alive=keeps_alive)
            await customer.sign_up(bought.email)
            await customer.pay()
            self.bought.append(bought)
            bought.paid = time.monotonic()
            await follow(customer, f"{self._shop.urls['site']}/status", lambda _line: None, within=_GRID)
            bought.ready = time.monotonic()
            furl = await customer.claim(await self._letter(customer, bought.email))
            assert furl.startswith("pb://")
            bought.claimed = time.monotonic()

    async def _letter(self, customer: Customer, email: str) -> str:
        async with asyncio.timeout(_LETTER):
            while True:
                if link := await customer.letter_link(self._shop.urls["inbox"], email):
                    return link
                await asyncio.sleep(_PAUSE)

"""Processes of the site's bench. Each prints a line of JSON when it is ready, and ends when its input does.

`sides.py site DATABASE LISTEN` is one replica: the whole application, with logs, and what every replica listens to.
`sides.py bare LISTEN FOLDER` answers with the bytes that are kept in FOLDER, and does nothing else: bare aiohttp.
`sides.py load URL COOKIE SECONDS` asks for the page over and over and says how often it was answered.
`sides.py watch ORIGIN COOKIES` opens a live stream for each line of the file; then, for each line of its input, says
when (on the machine's monotonic clock) each stream that had news by the deadline had them.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO

import aiohttp
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_runtime import Secret, SystemClock, configure, serve
from s4_store import Pool

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from s4_web.app import build_app  # noqa: E402
from s4_web.live import Live  # noqa: E402
from s4_web.streams import as_many_as_allowed  # noqa: E402
from support.waiting import until  # noqa: E402
from support.web_peers import PretendBilling  # noqa: E402  the path is set above
from support.web_site import settings_of  # noqa: E402

CONNECTIONS = 16
OPENED_AT_ONCE = 64
PATIENCE = 30.0  # seconds for news to reach everybody


def say(**told: object) -> None:
    print(json.dumps(told), flush=True)


async def ended() -> None:
    await asyncio.to_thread(sys.stdin.read)


def alone(core: int) -> None:
    """This process has that core; where there is only one, all share it."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


async def site(database: str, listen: str, nowhere: TextIO) -> None:
    configure("web", "info", nowhere)
    billing = PretendBilling()
    async with billing.serving(), Pool.open(Secret(database)) as pool, aiohttp.ClientSession() as session:
        settings = settings_of(
            database,
            Ed25519PrivateKey.generate(),
            listen=listen,
            public_url=f"http://{listen}",
            billing_url=billing.url,
            trusted_proxies=["127.0.0.1/32"],
        )
        live = Live(pool)
        app = build_app(settings, pool, session, SystemClock(), live)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each) for each in (live.forever(), serve(app, listen))]
            await asyncio.sleep(1)
            say(files=as_many_as_allowed())
            await ended()
            for task in running:
                task.cancel()


async def bare(listen: str, kept: Mapping[str, bytes], headers: Mapping[str, str]) -> None:

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=kept[request.path], headers=headers)

    app = web.Application()
    app.router.add_get("/{page}", answer)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(app, listen))
        await asyncio.sleep(0.5)
        say(pages=len(kept))
        await ended()
        serving.cancel()


async def load(url: str, cookie: str, seconds: float) -> None:
    """Requests that were answered with 200, each after the other over some connections."""
    host, _, path = url.removeprefix("http://").partition("/")
    request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nCookie: s4={cookie}\r\n\r\n".encode()
    ends, answered = time.monotonic() + seconds, 0

    async def clerk() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(*host.split(":"))
        while time.monotonic() < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"answered with {head[:80]!r}")
            answered += 1
        writer.close()

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(clerk())
    say(answered=answered, seconds=time.monotonic() - began)


class Watcher:
    """One browser with the page open; from a network of its own, as the proxy in front says."""

    def __init__(self, number: int, cookie: str) -> None:
        self.number, self.cookie = number, cookie
        self.is_open = asyncio.Event()
        self.news: list[float] = []

    async def watch(self, host: str, gate: asyncio.Semaphore) -> None:
        address = f"10.{self.number // 65536}.{self.number // 256 % 256}.{self.number % 256}"
        async with gate:
            reader, writer = await asyncio.open_connection(*host.split(":"), limit=4096)
            asked = f"GET /status/events?after=1 HTTP/1.1\r\nHost: {host}\r\nCookie: s4={self.cookie}\r\n"
            writer.write(f"{asked}X-Forwarded-For: {address}\r\n\r\n".encode())
            status = await reader.readline()
            if b" 200 " not in status:
                raise SystemExit(f"stream {self.number}: {status!r}")
            while b"event: beat" not in await reader.readline():
                pass
            self.is_open.set()
        with suppress(ConnectionError):
            async for line in reader:
                if line.startswith(b"id: "):
                    self.news.append(time.monotonic())


def are_told(watchers: Sequence[Watcher], expected: int) -> bool:
    return sum(bool(each.news) for each in watchers) >= expected


async def watch(origin: str, cookies: Sequence[str]) -> None:
    watchers = [Watcher(number, cookie) for number, cookie in enumerate(cookies)]
    gate, began = asyncio.Semaphore(OPENED_AT_ONCE), time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.watch(origin.removeprefix("http://"), gate)) for each in watchers]
        for each in watchers:
            await each.is_open.wait()
        say(seconds=time.monotonic() - began)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await until(partial(are_told, watchers, int(line)), within=PATIENCE, what="news")
            say(times=[each.news[0] for each in watchers if each.news], all=sum(len(each.news) for each in watchers))
            for each in watchers:
                each.news.clear()
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["site", database, listen]:
            alone(0)
            with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
                uvloop.run(site(database, listen, nowhere))
        case ["bare", listen, folder]:
            alone(0)
            configure("bare", "error")
            kept = {f"/{path.stem}": path.read_bytes() for path in Path(folder).glob("*.page")}
            uvloop.run(bare(listen, kept, json.loads((Path(folder) / "headers").read_text(encoding="utf-8"))))
        case ["load", url, cookie, seconds]:
            alone(1)
            uvloop.run(load(url, cookie, float(seconds)))
        case ["watch", origin, cookies]:
            alone(1)
            as_many_as_allowed()
            uvloop.run(watch(origin, Path(cookies).read_text(encoding="ascii").split()))
        case _:
            sys.exit(__doc__)

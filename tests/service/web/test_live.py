"""Live status: server-sent events, replayed after a break, from any replica."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import aiohttp
import pytest

from support.waiting import until
from support.web_peers import Browser
from support.web_site import RunningSite


class Stream:
    """An EventSource, as far as we need one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def next(self) -> dict[str, object]:
        """The data of the next event."""
        data = ""
        async with asyncio.timeout(8):
            async for line in self.answer.content:
                name, _, value = line.decode().rstrip("\n").partition(":")
                if name == "id":
                    self.last_id = value.strip()
                elif name == "data":
                    data = value
                elif not name and data:
                    return dict(json.loads(data))
        raise AssertionError("the stream ended")

    async def steps(self, count: int) -> list[object]:
        return [(await self.next()).get("step") for _ in range(count)]


@asynccontextmanager
async def stream(browser: Browser, origin: str = "", last_id: str = "", query: str = "") -> AsyncIterator[Stream]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
    async with browser.session.get((origin or browser.origin) + "/status/events" + query, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        yield Stream(answer)


async def test_what_happened_before_is_told_first_and_then_what_happens(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("identity", "started"))
    async with stream(browser) as events:
        assert (await events.next())["what"] == "paid"
        assert (await events.next())["step"] == "identity"
        await site.hears(buyer.progressed("identity", "done", 0.3))
        told = await events.next()
        assert (told["step"], told["state"], told["seconds"]) == ("identity", "done", 0.3)
        assert events.last_id == "3"
        await site.hears(buyer.ready(), buyer.furl_issued(), buyer.letter())
        assert [(await events.next())["what"] for _ in range(3)] == ["ready", "furl", "letter"]


async def test_a_page_asks_only_for_what_it_does_not_show_yet(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("identity", "started"))
    assert 'data-revision="2"' in (await browser.get("/status")).text
    async with stream(browser, query="?after=2") as events:
        await site.hears(buyer.progressed("bucket", "started"))
        assert (await events.next())["step"] == "bucket"


async def test_a_reconnecting_browser_gets_what_it_missed_once(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    async with stream(browser) as events:
        await site.hears(buyer.paid())
        await events.next()
    await site.hears(*(buyer.progressed(step, "started") for step in ("identity", "bucket", "host")))
    async with stream(browser, last_id=events.last_id) as again:
        assert await again.steps(3) == ["identity", "bucket", "host"]
        await site.hears(buyer.progressed("boot", "started"))
        assert await again.steps(1) == ["boot"]


async def test_nonsense_as_the_last_id_means_from_the_start(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    await site.hears((await site.buyer()).paid())
    for last_id in ("-1", "abc", "9" * 40, "٣", "17"):
        async with stream(browser, query=f"?after={last_id}") as events:
            assert (await events.next())["what"] == "paid"


async def test_two_replicas_tell_the_same_and_one_takes_over_from_the_other(
    site: RunningSite, browser: Browser
) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    async with site.replica(heartbeat=timedelta(seconds=15)) as second:
        async with stream(browser) as here, stream(browser, second) as there:
            await site.hears(buyer.paid())
            assert await here.next() == await there.next()
        await site.hears(buyer.progressed("identity", "started"))
        async with stream(browser, second, last_id=here.last_id) as there:
            assert await there.steps(1) == ["identity"]


async def test_a_stopping_replica_ends_its_streams_at_once(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    async with site.replica(heartbeat=timedelta(seconds=15)) as second:
        context = stream(browser, second)
        events = await context.__aenter__()
        first_line = await events.answer.content.readline()
        began = asyncio.get_running_loop().time()
    assert first_line.startswith(b"retry:")
    assert await events.answer.content.read() in {b"\n", b"\nevent: beat\ndata\n\n"}
    assert asyncio.get_running_loop().time() - began < 5
    await context.__aexit__(None, None, None)


async def test_a_silent_stream_shows_signs_of_life(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    async with site.replica(heartbeat=timedelta(milliseconds=20)) as lively, stream(browser, lively) as events:
        async with asyncio.timeout(5):
            while (await events.answer.content.readline()) != b"event: beat\n":
                pass
        await site.hears(buyer.paid())
        assert (await events.next())["what"] == "paid"


async def test_whatever_breaks_off_nothing_is_missed_and_nothing_told_twice(
    site: RunningSite, browser: Browser
) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    told: list[int] = []
    async with site.replica(heartbeat=timedelta(seconds=15)) as second:

        async def watch() -> None:
            while len(told) < 60:
                async with stream(
                    browser, (browser.origin, second)[len(told) % 2], str(told[-1]) if told else ""
                ) as events:
                    for _ in range(min(7, 60 - len(told))):
                        await events.next()
                        told.append(int(events.last_id))

        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(watch())
            for number in range(60):
                await site.hears(buyer.progressed("boot", "retrying", attempt=number + 1))
    assert told == list(range(1, 61))


async def test_a_stream_without_news_ends_and_says_that_it_rests(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    manner = {"heartbeat": timedelta(milliseconds=20), "stream_quiet": timedelta(milliseconds=50)}
    async with site.replica(**manner) as quiet, stream(browser, quiet) as events, asyncio.timeout(5):
        assert (await events.answer.content.read()).endswith(b"event: beat\ndata\n\nevent: rest\ndata\n\n")


async def test_a_stream_is_not_held_for_ever_however_much_there_is_to_tell(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    manner = {"heartbeat": timedelta(milliseconds=20), "stream_age": timedelta(milliseconds=100)}
    async with site.replica(**manner) as short, stream(browser, short) as events, asyncio.timeout(5):
        assert b"rest" not in await events.answer.content.read()


@pytest.mark.parametrize("limited", ["streams_per_browser", "streams_per_address", "streams_per_replica"])
async def test_who_holds_too_many_streams_gets_no_more_until_one_is_closed(
    site: RunningSite, browser: Browser, limited: str
) -> None:
    await browser.sign_up()
    async with site.replica(**{limited: 2}) as small:

        async def another() -> int:
            async with browser.session.get(f"{small}/status/events", headers={"Accept": "text/event-stream"}) as answer:
                if answer.status == 429:
                    assert int(answer.headers["Retry-After"]) > 0
                return answer.status

        async with stream(browser, small):
            async with stream(browser, small):
                assert await another() == 429
                assert (await browser.session.get(f"{small}/status")).status == 200
            await until(partial(is_answered, another, 200), within=5, what="the closed one takes no place")


async def is_answered(another: Callable[[], Awaitable[int]], status: int) -> bool:
    return await another() == status


async def test_one_browsers_many_windows_take_nothing_from_another(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    async with site.replica(streams_per_browser=1) as small, site.browser() as other, stream(browser, small):
        await other.sign_up()
        async with stream(other, small) as events:
            await site.hears((await site.buyer()).paid())
            assert (await events.next())["what"] == "paid"


async def test_nobody_hears_of_another_browsers_signup(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    first = await site.buyer()
    async with site.browser() as other:
        await other.sign_up()
        second = await site.buyer()
        async with stream(other) as events:
            await site.hears(first.paid(), second.progressed("dns", "started"))
            assert (await events.next())["step"] == "dns"

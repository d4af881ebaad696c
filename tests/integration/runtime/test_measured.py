"""What a listener tells about its answers, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from s4_runtime import serve
from support.waiting import until


async def answer(request: web.Request) -> web.StreamResponse:
    match request.match_info["what"]:
        case "moved":
            raise web.HTTPSeeOther("/")
        case "broken":
            raise ValueError("nobody foresaw it")
        case "stream":
            stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await stream.prepare(request)
            return stream
        case _:
            return web.json_response({})


@pytest.fixture
async def url(free_port: Callable[[], int], request: pytest.FixtureRequest) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/things/{what}", answer)
    port = free_port()
    task = asyncio.create_task(serve(app, f"127.0.0.1:{port}", name=listener(request)))
    await until(lambda: answers(port), within=5, what="it listens")
    yield f"http://127.0.0.1:{port}"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return listener(request)


def listener(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


async def answers(port: int) -> bool:
    with suppress(OSError):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def counted(name: str) -> dict[tuple[str, str, str], float]:
    """Requests by method, route and class of status."""
    return {
        (one.labels["method"], one.labels["route"], one.labels["status"]): one.value
        for metric in REGISTRY.collect()
        if metric.name == "s4_http_requests"
        for one in metric.samples
        if one.name.endswith("_total") and one.labels["listener"] == name
    }


async def ask(url: str, method: str = "GET") -> None:
    async with aiohttp.ClientSession() as session, session.request(method, url, allow_redirects=False) as answered:
        await answered.read()


async def test_requests_are_counted_by_template_and_class_of_status(url: str, name: str) -> None:
    for what in ("fine", "7f3a", "moved", "broken"):
        await ask(f"{url}/things/{what}?token=secret")
    await ask(f"{url}/nowhere/pb-secret")

    template = "/things/{what}"
    assert counted(name) == {
        ("GET", template, "2xx"): 2,
        ("GET", template, "3xx"): 1,
        ("GET", template, "5xx"): 1,
        ("GET", "(no route)", "4xx"): 1,
    }


async def test_a_method_that_nobody_knows_makes_no_label_of_its_own(url: str, name: str) -> None:
    for method in ("PROPFIND", "MKCOL", "REPORT"):
        await ask(f"{url}/things/fine", method)

    assert counted(name) == {("other", "/things/{what}", "2xx"): 3}


async def test_times_are_told_of_answers_and_not_of_streams(url: str, name: str) -> None:
    await ask(f"{url}/things/fine")
    await ask(f"{url}/things/stream")

    labels = {"listener": name, "method": "GET", "route": "/things/{what}"}
    assert REGISTRY.get_sample_value("s4_http_request_seconds_count", labels) == 1
    assert counted(name) == {("GET", "/things/{what}", "2xx"): 2}
    assert REGISTRY.get_sample_value("s4_http_in_flight", {"listener": name}) == 0

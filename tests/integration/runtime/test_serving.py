import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web

from s4_runtime import (
    AddressTaken,
    PeerUnavailable,
    Permanent,
    Secret,
    ServiceClient,
    Temporary,
    context,
    correlation_middleware,
    error_middleware,
    forever,
    peers,
    run,
    serve,
    serve_probes,
    service_token_middleware,
    start,
)
from support.waiting import until

TOKEN = Secret("service-token")


class Full(Temporary):
    pass


async def fail(request: web.Request) -> web.Response:
    match request.query.get("how"):
        case "full":
            raise Full("grid-full")
        case "bug":
            raise ValueError("pb://secret@host/swiss")
        case _:
            return web.json_response({"story": context.current().correlation_id})


async def answer_a_list(_request: web.Request) -> web.Response:
    return web.json_response([])


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.json_response([])


@asynccontextmanager
async def a_service(port: int) -> AsyncIterator[str]:
    app = web.Application(
        middlewares=[
            correlation_middleware,
            error_middleware({Full: 503}),
            service_token_middleware(TOKEN, public={"/open"}),
        ]
    )
    app.add_routes([web.get("/closed", fail), web.get("/open", fail), web.get("/hang", hang)])
    app.add_routes([web.get("/list", answer_a_list)])
    task = asyncio.create_task(serve(app, f"127.0.0.1:{port}"))
    await until(lambda: answers(port), within=5, what="the service listens")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def answers(port: int) -> bool:
    with suppress(OSError):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        return True
    return False


@asynccontextmanager
async def a_client(url: str, token: Secret = TOKEN) -> AsyncIterator[ServiceClient]:
    async with aiohttp.ClientSession() as session:
        yield ServiceClient("peer", url, token, session)


async def test_a_call_carries_the_story_and_the_token(free_port: Callable[[], int]) -> None:
    async with a_service(free_port()) as url, a_client(url) as peer:
        with context.bound(context.Cause("story-7", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")):
            assert await peer.call("GET", "/closed") == (200, {"story": "story-7"})


async def test_without_the_token_only_public_routes_answer(free_port: Callable[[], int]) -> None:
    async with a_service(free_port()) as url, a_client(url, Secret("wrong")) as peer:
        assert await peer.call("GET", "/closed") == (401, {"code": "service-token-required"})
        assert (await peer.call("GET", "/open"))[0] == 200
        assert (await peer.call("GET", "/nowhere"))[0] == 401


async def test_errors_become_their_status_and_a_bug_becomes_a_silent_500(free_port: Callable[[], int]) -> None:
    async with a_service(free_port()) as url, a_client(url) as peer:
        assert await peer.call("GET", "/closed?how=full") == (503, {"code": "grid-full"})
        assert await peer.call("GET", "/closed?how=bug") == (500, {"code": "internal-error"})
        assert await peer.call("POST", "/closed") == (405, {"code": "method-not-allowed"})
        assert (await peer.call("GET", "/nowhere"))[0] == 404


@pytest.mark.parametrize("path", ["/hang", "/list"])
async def test_silence_and_nonsense_from_a_peer_are_one_error(path: str, free_port: Callable[[], int]) -> None:
    async with a_service(free_port()) as url, a_client(url) as peer:
        with pytest.raises(PeerUnavailable, match="peer-unavailable"):
            await peer.call("GET", path, seconds=0.3)
    async with a_client(f"http://127.0.0.1:{free_port()}") as nobody:
        with pytest.raises(PeerUnavailable):
            await nobody.call("GET", "/")


async def test_a_port_in_use_is_named(free_port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", port := free_port())):
        with pytest.raises(AddressTaken) as taken:
            await serve(web.Application(), f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in str(taken.value)


async def test_probes_tell_health_readiness_and_metrics(free_port: Callable[[], int]) -> None:
    state = {"database": True, "bus": False}

    async def readiness() -> dict[str, bool]:
        return state

    port = free_port()
    task = asyncio.create_task(serve_probes(f"127.0.0.1:{port}", readiness))
    await until(lambda: answers(port), within=5, what="the probes listen")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        assert (await session.get("/healthz")).status == 200
        not_ready = await session.get("/readyz")
        assert (not_ready.status, await not_ready.json()) == (503, state)
        state["bus"] = True
        assert (await session.get("/readyz")).status == 200
        assert "s4_loop_last_success" in await (await session.get("/metrics")).text()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_signal_ends_all_parts_and_is_no_failure() -> None:
    ended: list[str] = []

    async def part(name: str) -> None:
        try:
            await forever()
        finally:
            ended.append(name)

    async def tell() -> None:
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await forever()

    await run("test", part("a"), part("b"), tell())
    assert sorted(ended) == ["a", "b"]


async def test_one_part_that_fails_ends_the_others_and_is_raised() -> None:
    async def breaks() -> None:
        raise Permanent("broken-part")

    with pytest.raises(Permanent, match="broken-part"):
        await run("test", forever(), breaks())


def test_a_permanent_error_at_start_is_told_plainly_and_exits_78(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        raise Permanent("database-not-migrated", run="python -m s4_web migrate")

    assert start("web", main()) == 78
    assert "web: database-not-migrated run=python -m s4_web migrate" in capsys.readouterr().err


def test_an_outage_that_outlasts_the_start_is_told_plainly_and_exits_75(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        raise Temporary("database-unavailable")

    assert start("web", main()) == 75
    assert "web: database-unavailable" in capsys.readouterr().err


def test_a_port_in_use_is_told_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert start("web", serve(web.Application(), listen)) == 78
    assert listen in capsys.readouterr().err


async def test_who_asks_while_a_service_leaves_is_answered_and_told_to_go(free_port: Callable[[], int]) -> None:
    port, app = free_port(), web.Application()
    app.add_routes([web.get("/list", answer_a_list)])
    leaving = asyncio.create_task(serve(app, f"127.0.0.1:{port}"))
    await until(lambda: answers(port), within=5, what="the service listens")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heads = []
    for told_to_stop in (False, True):
        if told_to_stop:
            leaving.cancel()
        writer.write(b"GET /list HTTP/1.1\r\nHost: s4.test\r\n\r\n")
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(len(b"[]"))
    assert [head.startswith(b"HTTP/1.1 200") for head in heads] == [True, True]
    assert [b"connection: close" in head.lower() for head in heads] == [False, True]
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_call_of_a_peer_has_a_connection_of_its_own(free_port: Callable[[], int]) -> None:
    """Or it would be lost with a replica that ends just then, and a new replica would get no calls."""
    asked = set()

    async def who(request: web.Request) -> web.Response:
        asked.add(request.transport.get_extra_info("peername") if request.transport else None)
        return web.json_response({})

    port, app = free_port(), web.Application()
    app.add_routes([web.get("/who", who)])
    serving = asyncio.create_task(serve(app, f"127.0.0.1:{port}"))
    await until(lambda: answers(port), within=5, what="the service listens")
    async with peers() as session:
        peer = ServiceClient("peer", f"http://127.0.0.1:{port}", TOKEN, session)
        for _ in range(3):
            assert await peer.call("GET", "/who") == (200, {})
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert len(asked) == 3

"""Stories as traces: from a request by way of events to what follows, as a collector gets them."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from s4_contracts.web import InviteRequested
from s4_runtime import context, correlation_middleware, span
from s4_runtime.spans import exporting, send_spans
from s4_store import Transaction
from support.bus import INVITE, Bus, note
from support.collector import Collector, collecting
from support.running import running


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        send_spans(found.url, 1.0)
        yield found
        send_spans(None, 1.0)


def a_site(bus: Bus) -> TestClient[web.Request, web.Application]:
    async def ask(_request: web.Request) -> web.Response:
        await bus.emit(1)
        return web.json_response({})

    app = web.Application(middlewares=[correlation_middleware])
    app.router.add_post("/signup/{token}", ask)
    return TestClient(TestServer(app))


async def test_one_trace_leads_from_a_request_to_what_its_event_causes(bus: Bus, collector: Collector) -> None:
    async def write(event: InviteRequested, tx: Transaction) -> None:
        with span("letter invite"):
            await note(event, tx)

    async with exporting("web"), a_site(bus) as site:
        await site.post("/signup/pb-secret?email=ada@example.com")
        async with running(bus.relaying(), bus.consuming(write)):
            await bus.each_once([await bus.sender.fetchval("select body->>'request_id' from outbox")])

    [request] = collector.named("POST /signup/{token}")
    assert request.parent == ""
    assert request.facts == {"http.response.status_code": "200"}
    assert {span.trace for span in collector.spans} == {request.trace}
    [published], [handled] = collector.named(f"publish {INVITE}"), collector.named(f"handle {INVITE}")
    assert published.parent == handled.parent == request.id
    [letter] = collector.named("letter invite")
    assert letter.parent == handled.id
    assert "ada@example.com" not in str(collector.spans)
    assert "pb-secret" not in str(collector.spans)


async def test_a_trace_that_a_browser_began_goes_on(bus: Bus, collector: Collector) -> None:
    begun = f"00-{'a' * 32}-{'b' * 16}-01"
    async with exporting("web"), a_site(bus) as site:
        await site.post("/signup/x", headers={"traceparent": begun})
    [request] = collector.named("POST /signup/{token}")
    assert (request.trace, request.parent) == ("a" * 32, "b" * 16)


async def test_of_an_error_only_its_class_is_told(collector: Collector) -> None:
    async with exporting("web"):
        with pytest.raises(ValueError, match="pb://"), span("step proof"):
            raise ValueError("pb://secret@example/swissnum")
    assert len(collector.spans) == 1
    assert "secret" not in str(collector.spans)


async def test_without_a_place_nothing_is_made_and_the_story_stays_as_it_was() -> None:
    send_spans(None, 1.0)
    async with exporting("web"):
        with context.bound(context.fresh()) as cause, span("step proof"):
            assert context.current() == cause


async def test_a_collector_that_is_away_costs_only_the_spans() -> None:
    with collecting() as gone:
        url = gone.url
    send_spans(url, 1.0)
    try:
        async with asyncio.timeout(30), exporting("web"):
            with span("step proof"):
                pass
    finally:
        send_spans(None, 1.0)


async def test_a_part_of_all_stories_can_be_left_out(collector: Collector) -> None:
    send_spans(collector.url, 0.0)
    async with exporting("web"):
        with span("step proof"):
            pass
    assert collector.spans == []

"""How full each service's queues are, and what is parked; bodies are never shown."""

from collections import Counter
from datetime import datetime

from aiohttp import web

from s4_bus.parked_deeds import Aside, Held, parked_queues
from s4_bus.topology import LISTENERS
from s4_contracts import MalformedEvent, UnknownEvent, decode
from s4_runtime.refusals import NotThere
from s4_support.mentions import ids_of
from s4_support.operator.asking import Answer, id_of, json, limit_of, service_of
from s4_support.operator.tools import Tools


class Queues:
    """Answers what operators ask about queues."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def all(self, _request: web.Request) -> web.Response:
        """Every service's queues."""
        now = self._tools.clock.now()
        async with parked_queues(self._tools.amqp_url) as queues:
            rows = [await queues.depths(service) for service in LISTENERS]
            oldest = {
                row.service: [held async for held in queues.each(row.service, limit=1)] for row in rows if row.parked
            }
        return json({"queues": [{**_row(row), **_oldest(oldest.get(row.service), now)} for row in rows]})

    async def parked(self, request: web.Request) -> web.Response:
        """What is parked of a service, oldest first, and how much of each code."""
        service, limit = service_of(request), limit_of(request.query)
        code = request.query.get("code", "")
        async with parked_queues(self._tools.amqp_url) as queues:
            found = [held.aside async for held in queues.each(service)]
        fits = [aside for aside in found if code in {"", aside.code}]
        codes = Counter(aside.code for aside in found)
        rows = [described(aside) for aside in fits[:limit]]
        return json({"service": service, "parked": rows, "codes": codes, "total": len(fits)})

    async def one(self, request: web.Request) -> web.Response:
        """All that may be seen of a parked message."""
        service, wanted = service_of(request), id_of(request)
        async with parked_queues(self._tools.amqp_url) as queues:
            async for held in queues.each(service):
                if held.aside.id == wanted:
                    return json({"service": service, **described(held.aside), **_inside(held.aside)})
        raise NotThere("no-such-message")

    async def dropped(self, request: web.Request) -> web.Response:
        """What was taken away and can still be put back."""
        service = service_of(request)
        sql = """
SELECT id, type, code, dropped_at, dropped_by, restored_at FROM dropped
WHERE service = $1 ORDER BY dropped_at DESC, id LIMIT $2
"""
        rows = await self._tools.pool.fetch(sql, service, limit_of(request.query))
        return json({"service": service, "dropped": [dict(row) for row in rows]})


def described(aside: Aside) -> Answer:
    """A parked message without its body."""
    return {
        "id": aside.id,
        "type": aside.type,
        "code": aside.code,
        "attempts": aside.attempts,
        "parked_at": aside.parked_at,
        "story": aside.story,
        "bytes": len(aside.body),
    }


def _row(depths: object) -> Answer:
    names = ("service", "waiting", "consumers", "retrying", "parked")
    return {name: getattr(depths, name) for name in names}


def _oldest(held: list[Held] | None, now: datetime) -> Answer:
    at = held[0].aside.parked_at if held else None
    return {"parked_oldest_seconds": max(0, int((now - at).total_seconds())) if at else None}


def _inside(aside: Aside) -> Answer:
    """What the contract says about the body: only ids and times, which are no secrets."""
    headers = {name: value for name, value in aside.headers.items() if isinstance(value, int) or len(value) <= 200}
    try:
        event = decode(aside.body, aside.type)
    except UnknownEvent:
        return {"headers": headers, "reads_as": "an event that this release does not know"}
    except MalformedEvent:
        return {"headers": headers, "reads_as": "not what the contract of its type says"}
    return {"headers": headers, "reads_as": "an event", "occurred_at": event.occurred_at, "ids": dict(ids_of(event))}

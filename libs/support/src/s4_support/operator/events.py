"""Events as operators follow them: as they come in, one alone, or all of one customer."""

import json as plain
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from s4_runtime import is_id
from s4_runtime.refusals import NotThere, WrongWish
from s4_store import Record
from s4_support import finding, timeline, words
from s4_support.operator.asking import Answer, id_of, json, limit_of, read
from s4_support.operator.tools import Tools
from s4_support.timeline import Sought, Told

# A transaction may take as long as a handler (30 s) and is seen only then: who follows looks so far back each time.
_OVERLAP = timedelta(seconds=40)
_LONGEST = timedelta(days=31)
_PLACE = "SELECT now() - $1::interval AS begins, now() AS now"
_ARRIVED = """
SELECT event_id, name, occurred_at, correlation_id, facts, arrived_at FROM events
WHERE (arrived_at, event_id) > ($1::timestamptz, $2::uuid) AND name LIKE $3
ORDER BY arrived_at, event_id LIMIT $4
"""
_ONE = """
SELECT event_id, name, occurred_at, correlation_id, facts, arrived_at FROM events WHERE event_id = $1
"""
_IDS = "SELECT kind, id FROM mentions WHERE event_id = $1 ORDER BY kind, id"
_NAMING = """
SELECT event_id, name, occurred_at, correlation_id, facts FROM events WHERE correlation_id = $1 OR event_id IN (
    SELECT event_id FROM mentions WHERE id::text = $1) ORDER BY occurred_at DESC, event_id DESC LIMIT $2
"""
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_FORM = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whatever names a customer. In a body, so that no address stands in a log of paths."""

    about: str
    limit: int = 500


class Events:
    """Answers what operators ask about events."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def tail(self, request: web.Request) -> web.Response:
        """What came in after a place, in that order, and the place to go on from. Some may be told again."""
        query, limit = request.query, limit_of(request.query, 500)
        place = timeline.place_of(query["after"]) if "after" in query else (await self._begins(query), _FIRST_ID)
        if place is None:
            raise WrongWish("bad-place")
        rows = await self._tools.pool.fetch(_ARRIVED, *place, _pattern(query), limit)
        now: datetime = await self._tools.pool.fetchval("SELECT now()")
        if len(rows) == limit:
            following = f"{rows[-1]['arrived_at'].isoformat()}_{rows[-1]['event_id']}"
        else:
            following = f"{max(place[0], now - _OVERLAP).isoformat()}_{_FIRST_ID}"
        return json({"events": [_shown(_told(row)) for row in rows], "after": following, "now": now})

    async def one(self, request: web.Request) -> web.Response:
        """One event, with the ids that it names."""
        row = await self._tools.pool.fetchrow(_ONE, id_of(request))
        if row is None:
            raise NotThere("no-such-event")
        rows = await self._tools.pool.fetch(_IDS, row["event_id"])
        ids = [f"{each['kind']}:{each['id']}" for each in rows]
        return json({**_shown(_told(row)), "arrived_at": row["arrived_at"], "ids": ids})

    async def trace(self, request: web.Request) -> web.Response:
        """Everything that happened to the customer whom an id or an address names, oldest first."""
        wish = read(await request.read(), About)
        limit = max(1, min(wish.limit, 2000))
        found = await finding.find(self._tools.pool, self._tools.billing, wish.about)
        accounts = list(dict.fromkeys(one.account_id for one in found.accounts))
        if len(accounts) == 1:
            events = await self._of_account(accounts[0], limit)
        else:
            # Without an account, or with several, only what names the id itself is told.
            events = await self._naming(wish.about.strip(), limit)
        if not events and not accounts:
            raise NotThere("nothing-known")
        known = [{"account_id": one.account_id, "as": one.kind} for one in found.accounts]
        told = [_shown(each) for each in reversed(events)]
        return json({"accounts": known, "events": told, "is_cut": len(events) >= limit})

    async def _begins(self, query: Any) -> datetime:
        try:
            since = msgspec.convert(query.get("since", "PT1H"), timedelta, strict=False)
        except msgspec.ValidationError:
            raise WrongWish("bad-duration") from None
        if not timedelta() <= since <= _LONGEST:
            raise WrongWish("bad-duration")
        found = await self._tools.pool.fetchrow(_PLACE, since)
        begins: datetime = found["begins"] if found else self._tools.clock.now()
        return begins

    async def _of_account(self, account_id: str, limit: int) -> list[Told]:
        """The newest, page by page."""
        found: list[Told] = []
        before = timeline.the_end(self._tools.clock.now())
        while len(found) < limit:
            page = await timeline.newest(self._tools.pool, account_id, Sought(before=before))
            found += page
            if len(page) < timeline.PAGE:
                break
            before = (page[-1].at, page[-1].event_id)
        return found[:limit]

    async def _naming(self, text: str, limit: int) -> list[Told]:
        wanted = text.lower() if is_id(text.lower()) else text
        return [_told(row) for row in await self._tools.pool.fetch(_NAMING, wanted, limit)]


def _pattern(query: Any) -> str:
    """Names of events, as SQL compares them. Raises WrongWish."""
    service, kind = query.get("service", ""), query.get("type", "")
    if not (_FORM.issuperset(service) and _FORM.issuperset(kind)):
        raise WrongWish("bad-name")
    if kind.count(".") == 0:
        return f"{service or '%'}.{kind or '%'}.%"
    return str(kind) if kind.count(".") == 2 else f"{kind}.%"


def _told(row: Record) -> Told:
    facts = plain.loads(row["facts"])
    return Told(row["event_id"], row["name"], row["occurred_at"], row["correlation_id"], facts)


def _shown(told: Told) -> Answer:
    return {
        "id": told.event_id,
        "type": told.name,
        "service": told.service,
        "at": told.at,
        "story": told.story,
        "said": words.said(told),
        "facts": told.facts,
    }

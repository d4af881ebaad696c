"""Everything that happened to an account, newest first, whichever of its ids an event names."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from s4_runtime import is_id
from s4_store import Pool, Record

PAGE = 200  # events
_STORY = re.compile(r"[A-Za-z0-9_.:-]{0,64}")
# Each of the account's ids gives its newest events by index; the newest of these are the account's.
_NEWEST = """
WITH ids AS (
    SELECT 'account' AS kind, $1::uuid AS id
    UNION ALL SELECT kind, id FROM links WHERE account_id = $1 AND kind <> 'host'
), newest AS (
    SELECT DISTINCT told.occurred_at, told.event_id FROM ids CROSS JOIN LATERAL (
        SELECT occurred_at, event_id FROM mentions
        WHERE mentions.kind = ids.kind AND mentions.id = ids.id
            AND (occurred_at, event_id) < ($2::timestamptz, $3::uuid)
            AND ($4::text IS NULL OR name LIKE $4::text)
        ORDER BY occurred_at DESC, event_id DESC LIMIT $5
    ) told
)
SELECT event_id, name, events.occurred_at, correlation_id, facts FROM newest JOIN events USING (event_id)
ORDER BY events.occurred_at DESC, event_id DESC LIMIT $5
"""
_OF_STORY = """
SELECT event_id, name, occurred_at, correlation_id, facts FROM events
WHERE correlation_id = $6 AND (occurred_at, event_id) < ($2::timestamptz, $3::uuid)
    AND ($4::text IS NULL OR name LIKE $4::text)
    AND EXISTS (SELECT FROM mentions m WHERE m.event_id = events.event_id AND (
        (m.kind = 'account' AND m.id = $1) OR m.kind <> 'host' AND EXISTS (
            SELECT FROM links WHERE links.id = m.id AND links.kind = m.kind AND account_id = $1)))
ORDER BY occurred_at DESC, event_id DESC LIMIT $5
"""
# The newest event of each kind about each thing.
_LATEST = """
SELECT DISTINCT ON (name, about) event_id, name, events.occurred_at, correlation_id, facts FROM (
    SELECT mentions.event_id, coalesce(other.id, mentions.id) AS about FROM mentions
    LEFT JOIN mentions other ON other.event_id = mentions.event_id AND other.kind = ANY ($2)
    WHERE mentions.kind = 'account' AND mentions.id = $1 AND mentions.name LIKE ANY ($3)
    ORDER BY mentions.occurred_at DESC LIMIT 2000
) told JOIN events USING (event_id) ORDER BY name, about, events.occurred_at DESC, event_id
"""
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Told(msgspec.Struct, frozen=True):
    """An event as it is on record."""

    event_id: str
    name: str
    at: datetime
    story: str
    facts: dict[str, Any]

    @property
    def service(self) -> str:
        """Who told it."""
        return self.name.split(".")[0]

    @property
    def kind(self) -> str:
        """What happened, in the contract's word."""
        return self.name.split(".")[1]


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Which events somebody wants to see: those before a place, of a service, of a kind, of a story."""

    before: tuple[datetime, str]
    service: str = ""
    kind: str = ""
    story: str = ""

    @property
    def pattern(self) -> str | None:
        """The names, as SQL compares them."""
        return f"{self.service or '%'}.{self.kind or '%'}.%" if self.service or self.kind else None


class Story(msgspec.Struct, frozen=True):
    """Events that follow each other and belong to one story."""

    id: str
    events: list[Told]


def the_end(now: datetime) -> tuple[datetime, str]:
    """A place after all that has happened; clocks of services may differ a little."""
    return now.replace(year=now.year + 1, day=1), _LAST_ID


def place_of(text: str) -> tuple[datetime, str] | None:
    """The place that an address names; None for what is no place."""
    at, _, event_id = text.partition("_")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (found, event_id) if is_id(event_id) and found.tzinfo is not None else None


def is_story(text: str) -> bool:
    """Whether a story could be called so; nothing stands for all of them."""
    return _STORY.fullmatch(text) is not None


def name_of(told: Told) -> str:
    """The place of an event, as an address names it."""
    return f"{told.at.isoformat()}_{told.event_id}"


async def newest(pool: Pool, account_id: str, sought: Sought) -> list[Told]:
    """At most a page of events, newest first."""
    sql, story = (_OF_STORY, [sought.story]) if sought.story else (_NEWEST, [])
    return [_told(row) for row in await pool.fetch(sql, account_id, *sought.before, sought.pattern, PAGE, *story)]


async def latest(pool: Pool, account_id: str, about: Sequence[str], names: Sequence[str]) -> list[Told]:
    """Of each kind of event (patterns) the newest one about each thing of the kinds ``about``."""
    return [_told(row) for row in await pool.fetch(_LATEST, account_id, list(about), list(names))]


def stories(events: Sequence[Told]) -> list[Story]:
    """The events in their order, those of one story that follow each other together."""
    found: list[Story] = []
    for told in events:
        if not found or found[-1].id != told.story:
            found.append(Story(told.story, []))
        found[-1].events.append(told)
    return found


def _told(row: Record) -> Told:
    facts = json.loads(row["facts"])
    return Told(row["event_id"], row["name"], row["occurred_at"], row["correlation_id"], facts)

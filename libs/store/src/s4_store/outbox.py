"""Events on their way out: written with the rows that they tell of, read by the relay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from s4_contracts import Event, encode, routing_key
from s4_runtime import context, derived_id, new_id

if TYPE_CHECKING:
    from s4_store.pool import Pool
    from s4_store.transaction import Transaction

CHANNEL = "outbox"

_APPEND = """
with new as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[])
        as n (id, type, body, headers, keyed)
), fresh as (
    insert into outbox_keys (id) select id from new where keyed order by id on conflict do nothing returning id
)
insert into outbox (id, type, body, headers)
select id, type, body::json, headers::json from new where not keyed or id in (select id from fresh)
"""

# Marked before it is published, in the transaction that stays open until the broker has confirmed.
_TAKE = """
with pending as materialized (
    select seq from outbox where sent_at is null order by seq limit $1 for update skip locked
)
update outbox set sent_at = clock_timestamp() from pending where outbox.seq = pending.seq
returning outbox.seq, outbox.id, outbox.type, outbox.body, outbox.headers, outbox.created_at
"""


class Letter(msgspec.Struct, frozen=True):
    """An event as the outbox holds it."""

    id: str
    type: str
    body: str
    headers: str
    keyed: bool


class Backlog(msgspec.Struct, frozen=True):
    """How many events wait to be published, and for how long the oldest has."""

    pending: int
    age_seconds: float


def compose(event: Event, key: str | None) -> Letter:
    """The event with an id and with the cause that is bound here. The same type and key give the same id."""
    kind = routing_key(event)
    cause = context.current()
    headers = context.to_headers(cause)
    if cause.causation_id is not None:
        headers["X-Causation-Id"] = cause.causation_id
    return Letter(
        id=new_id() if key is None else derived_id("event", kind, key),
        type=kind,
        body=encode(event).decode(),
        headers=json.dumps(headers),
        keyed=key is not None,
    )


async def append(tx: Transaction, letters: Sequence[Letter]) -> None:
    """The letters are in the outbox, except those whose key was used before."""
    unique = list({letter.id: letter for letter in letters}.values())
    columns = zip(*((each.id, each.type, each.body, each.headers, each.keyed) for each in unique), strict=True)
    await tx.execute(_APPEND, *(list(column) for column in columns))


async def take(tx: Transaction, limit: int) -> list[asyncpg.Record]:
    """The oldest pending events, marked as sent if ``tx`` commits. Nobody else gets them while ``tx`` is open."""
    return await tx.fetch(_TAKE, limit)


async def put_back(tx: Transaction, seqs: Sequence[int]) -> None:
    """These of the taken events are pending again."""
    await tx.execute("update outbox set sent_at = null where seq = any($1)", seqs)


async def backlog(pool: Pool) -> Backlog:
    """What waits to be published now."""
    row = await pool.fetchrow(
        "select count(*) as pending, extract(epoch from clock_timestamp() - min(created_at))::float8 as age"
        " from outbox where sent_at is null"
    )
    if row is None or row["age"] is None:
        return Backlog(0, 0.0)
    return Backlog(row["pending"], max(0.0, row["age"]))


async def prune(pool: Pool, keep: timedelta) -> int:
    """Events that were sent longer than ``keep`` ago are gone. How many."""
    tag = await pool.execute("delete from outbox where sent_at < clock_timestamp() - $1::interval", keep)
    return int(tag.rpartition(" ")[2])

"""Events as they are kept: the fact, the ids that it names, and whose they are."""

from collections.abc import Mapping
from typing import Any

import msgspec

from s4_contracts import Event, routing_key
from s4_runtime.redaction import redact
from s4_store import Transaction
from s4_support.mentions import accounts_of, address_of, folded, ids_of

# One statement, because there are very many events. Links are always made in one order, so that two transactions that
# make the same ones wait for each other instead of deadlocking.
_PUT = """
WITH new AS (
    INSERT INTO events (event_id, name, occurred_at, facts, correlation_id) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING event_id, name, occurred_at
), named AS (
    INSERT INTO mentions (kind, id, occurred_at, event_id, name)
    SELECT kind, id, occurred_at, event_id, name FROM new, unnest($6::text[], $7::uuid[]) m (kind, id)
), linked AS (
    INSERT INTO links (id, kind, account_id, seen_at) SELECT id, kind, account_id, occurred_at
    FROM new, unnest($6::text[], $7::uuid[]) m (kind, id), unnest($8::uuid[]) a (account_id)
    WHERE kind <> 'account' ORDER BY id, kind, account_id
    ON CONFLICT (id, kind, account_id) DO UPDATE SET seen_at = excluded.seen_at
        WHERE links.seen_at < excluded.seen_at - interval '1 day'
), addressed AS (
    INSERT INTO addresses (account_id, kind, folded, email, since)
    SELECT account_id, $9::text, $10::text, $11::text, occurred_at FROM new, unnest($8::uuid[]) a (account_id)
    WHERE $9::text IS NOT NULL ORDER BY account_id
    ON CONFLICT (account_id, kind, folded) DO UPDATE SET since = excluded.since, email = excluded.email
        WHERE addresses.since < excluded.since
)
SELECT FROM new
"""


async def put(tx: Transaction, event: Event, event_id: str, story: str, more: Mapping[str, str] | None = None) -> None:
    """The event is on record with the story that it belongs to; a second time changes nothing."""
    facts = msgspec.json.encode({**facts_of(event), **(more or {})}).decode()
    named, address = ids_of(event), address_of(event)
    kinds, ids = [kind for kind, _ in named], [each for _, each in named]
    told = (address.kind, folded(address.email), address.email) if address else (None, None, None)
    fact = (event_id, routing_key(event), event.occurred_at, facts, story)
    await tx.execute(_PUT, *fact, kinds, ids, accounts_of(event), *told)


def facts_of(event: Event) -> dict[str, Any]:
    """What the event says, but for its name and time, addresses, and anything that looks like a secret."""
    told: dict[str, Any] = msgspec.to_builtins(event)
    facts = {name: value for name, value in told.items() if name not in {"type", "occurred_at", "email"}}
    return {name: redact(value) for name, value in facts.items()}

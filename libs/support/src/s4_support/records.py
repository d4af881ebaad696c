"""Events as they are kept: the fact, the ids that it names, and whose they are."""

from collections.abc import Mapping
from typing import Any

import msgspec

from s4_contracts import Event, routing_key
from s4_runtime.redaction import redact
from s4_store import Transaction
from s4_support.mentions import accounts_of, address_of, folded, ids_of

# Always in one order, so that two transactions that link the same ids wait for each other instead of deadlocking.
_LINK = """
INSERT INTO links (id, kind, account_id, seen_at)
SELECT id, kind, account_id, $4 FROM unnest($1::text[], $2::uuid[]) m (kind, id), unnest($3::uuid[]) a (account_id)
WHERE kind <> 'account' ORDER BY id, kind, account_id
ON CONFLICT (id, kind, account_id) DO UPDATE SET seen_at = excluded.seen_at
    WHERE links.seen_at < excluded.seen_at - interval '1 day'
"""
_ADDRESS = """
INSERT INTO addresses (account_id, kind, folded, email, since) SELECT account_id, $2, $3, $4, $5
FROM unnest($1::uuid[]) a (account_id) ORDER BY account_id
ON CONFLICT (account_id, kind, folded) DO UPDATE SET since = excluded.since, email = excluded.email
    WHERE addresses.since < excluded.since
"""


async def put(tx: Transaction, event: Event, event_id: str, story: str, more: Mapping[str, str] | None = None) -> None:
    """The event is on record with the story that it belongs to; a second time changes nothing."""
    name, at = routing_key(event), event.occurred_at
    facts = msgspec.json.encode({**facts_of(event), **(more or {})}).decode()
    tag = await tx.execute(
        "INSERT INTO events (event_id, name, occurred_at, facts, correlation_id) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        *(event_id, name, at, facts, story),
    )
    if tag.endswith(" 0"):
        return
    kinds, ids = [list(column) for column in zip(*ids_of(event), strict=True)] or ([], [])
    await tx.execute(
        "INSERT INTO mentions (kind, id, occurred_at, event_id, name)"
        " SELECT kind, id, $3, $4, $5 FROM unnest($1::text[], $2::uuid[]) m (kind, id)",
        *(kinds, ids, at, event_id, name),
    )
    accounts = accounts_of(event)
    await tx.execute(_LINK, kinds, ids, accounts, at)
    if address := address_of(event):
        await tx.execute(_ADDRESS, accounts, address.kind, folded(address.email), address.email, at)


def facts_of(event: Event) -> dict[str, Any]:
    """What the event says, but for its name and time, addresses, and anything that looks like a secret."""
    told: dict[str, Any] = msgspec.to_builtins(event)
    facts = {name: value for name, value in told.items() if name not in {"type", "occurred_at", "email"}}
    return {name: redact(value) for name, value in facts.items()}

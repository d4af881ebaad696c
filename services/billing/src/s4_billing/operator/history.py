"""Everything that is known of an account, as one timeline."""

import json
from collections.abc import Mapping
from typing import Any

from s4_store import Pool, Record

Entry = dict[str, Any]

# Where a moment of an account's life is recorded: what it is called, and the rows with their moment as ``at``.
_SOURCES: Mapping[str, str] = {
    "checkout": "select created_at as at, id, plan, state, attempt, expires_at from checkout where account_id = $1",
    "subscription": "select created_at as at, id, plan, state, stripe_status, period_end, cancel_at, ended_at,"
    " end_reason, delete_after, deleted_at, duplicate, disputed, revision from subscription where account_id = $1",
    "invoice": "select created_at as at, id, number, status, billing_reason, currency, total, amount_paid,"
    " amount_refunded, attempts from invoice where account_id = $1",
    "refund": "select created_at as at, id, amount, currency, reason, state, note, proposed_by, approved_by"
    " from refund where account_id = $1",
    "dispute": "select created_at as at, kind, amount, currency, reason, status, is_open, evidence_due_by"
    " from dispute where account_id = $1",
    "command": "select created_at as at, kind, idempotency_key, state, error from stripe_command where account_id = $1",
    "stripe-event": "select e.received_at as at, e.id, e.type, e.state, e.error, e.attempts from stripe_event e"
    " join billing_customer c using (stripe_customer_id) where c.account_id = $1",
    "provisioning-failure": "select occurred_at as at, grid_id, step, code, final from provisioning_failure"
    " where account_id = $1",
    "told": "select created_at as at, type, body from outbox where body ->> 'account_id' = $1::uuid::text",
    "audit": "select at, who, what, facts from audit where account_id = $1",
}
_JSON = {"body", "facts"}


async def accounts_of(pool: Pool, email: str) -> list[Entry]:
    """The accounts whose bills go to this address, or that were bought with it; the newest first."""
    sql = (
        "select account_id, created_at from billing_customer c where lower(email) = lower($1) or exists"
        " (select from checkout where checkout.account_id = c.account_id and lower(checkout.email) = lower($1))"
        " order by created_at desc limit 100"
    )
    return [dict(row) for row in await pool.fetch(sql, email)]


async def history(pool: Pool, account_id: str) -> list[Entry] | None:
    """What happened, oldest first; None if there is no such account."""
    customer = await pool.fetchrow("select * from billing_customer where account_id = $1", account_id)
    if customer is None:
        return None
    account = {"at": customer["created_at"], "what": "account", "email": customer["email"]}
    account |= {"email_at": customer["email_at"]} if customer["email_at"] else {}
    found: list[Entry] = []
    for what, sql in _SOURCES.items():
        found += [_entry(what, row) for row in await pool.fetch(sql, account_id)]
    # Stripe's times are whole seconds, so that a bill may seem older than the account that it is for.
    return [account, *sorted(found, key=lambda entry: entry["at"])]


def _entry(what: str, row: Record) -> Entry:
    return {"what": what, **{name: json.loads(value) if name in _JSON else value for name, value in row.items()}}

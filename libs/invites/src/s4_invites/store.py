"""Invites as they are kept: questions and changes, in SQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_contracts.ids import AccountId, GridId, InviteId
from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from s4_invites import metrics
from s4_runtime import context
from s4_store import Leases, Pool, Record, Transaction, notify

CHANNEL = "invites"
LEASES = Leases(table="invites", key="id")
Outcome = Literal["expired", "withdrawn", "replaced", "guessed", "crowded", "grid-gone"]
Ending = Outcome | Literal["claimed"]
_LISTED = 20


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    id: InviteId
    account_id: AccountId
    grid_id: GridId
    correlation_id: str
    state: str
    sealed: bytes | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    giving_at: datetime | None
    unreachable_since: datetime | None


class Furl(msgspec.Struct, frozen=True):
    """Whose grid it is, and by which reference its newest furl is read."""

    account_id: AccountId
    claim_ref: str
    is_gone: bool


def of(row: Record) -> Invite:
    """The invite in the row."""
    return Invite(**{name: row[name] for name in Invite.__struct_fields__})


async def alone_with(tx: Transaction, grid: GridId) -> None:
    """Nobody else opens an invite of the grid, or forgets it, while ``tx`` is open."""
    await tx.execute("SELECT 1 FROM furls WHERE grid_id = $1 FOR UPDATE", grid)


async def furl_of(tx: Transaction | Pool, grid: GridId) -> Furl | None:
    """What is known of the grid's furl."""
    row = await tx.fetchrow("SELECT account_id, claim_ref, gone_at FROM furls WHERE grid_id = $1", grid)
    return Furl(row["account_id"], row["claim_ref"], row["gone_at"] is not None) if row else None


async def find(tx: Transaction | Pool, invite: InviteId) -> Invite | None:
    """The invite, if there is one."""
    row = await tx.fetchrow("SELECT * FROM invites WHERE id = $1", invite)
    return of(row) if row else None


async def listed(pool: Pool, account: AccountId, grid: GridId) -> list[Invite]:
    """The invites of a grid, the newest first."""
    sql = "SELECT * FROM invites WHERE account_id = $1 AND grid_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3"
    return [of(row) for row in await pool.fetch(sql, account, grid, _LISTED)]


async def add(tx: Transaction, invite: Invite) -> None:
    """The invite is open, and somebody will soon hold its mailbox open."""
    await tx.execute(
        "INSERT INTO invites (id, account_id, grid_id, correlation_id, sealed, created_at, expires_at, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $6)",
        invite.id,
        invite.account_id,
        invite.grid_id,
        invite.correlation_id,
        invite.sealed,
        invite.created_at,
        invite.expires_at,
    )
    told = InviteOpened(
        occurred_at=invite.created_at,
        account_id=invite.account_id,
        grid_id=invite.grid_id,
        invite_id=invite.id,
        expires_at=invite.expires_at,
    )
    await tx.emit(told, key=invite.id)
    await notify(tx, CHANNEL)


async def end_of_grid(tx: Transaction, grid: GridId, outcome: Outcome, now: datetime) -> None:
    """No invite of the grid is open."""
    for row in await tx.fetch("SELECT id FROM invites WHERE grid_id = $1 AND state = 'open' FOR UPDATE", grid):
        await end(tx, row["id"], outcome, now)


_END = """
UPDATE invites SET state = CASE WHEN giving_at IS NULL THEN $2 ELSE 'claimed' END, ended_at = $3, sealed = NULL,
    unreachable_since = NULL, due_at = NULL, lease_token = NULL, lease_until = NULL
WHERE id = $1 AND state = 'open' RETURNING *
"""


async def end(tx: Transaction, invite: InviteId, outcome: Ending, now: datetime) -> Invite | None:
    """The invite has ended, and this is told once; None if it had ended before.

    Once the settings may have left, it ends as claimed, whatever it ends by: nobody may be told that nobody has them.
    """
    row = await tx.fetchrow(_END, invite, outcome, now)
    if row is None:
        return None
    ended = of(row)
    with context.bound(msgspec.structs.replace(context.current(), correlation_id=ended.correlation_id)):
        await tx.emit(_news_of(ended, now), key=ended.id)
    await notify(tx, CHANNEL)
    (metrics.CLAIMED if ended.state == "claimed" else metrics.ENDED.labels(ended.state)).inc()
    return ended


def _news_of(ended: Invite, now: datetime) -> InviteClaimed | InviteEnded:
    account, grid, invite = ended.account_id, ended.grid_id, ended.id
    if ended.state == "claimed":
        return InviteClaimed(occurred_at=now, account_id=account, grid_id=grid, invite_id=invite)
    outcome = msgspec.convert(ended.state, Outcome)
    return InviteEnded(occurred_at=now, account_id=account, grid_id=grid, invite_id=invite, outcome=outcome)


async def end_expired(pool: Pool, now: datetime) -> None:
    """What has expired has ended, whoever holds it."""
    for row in await pool.fetch("SELECT id FROM invites WHERE state = 'open' AND expires_at <= $1", now):
        async with pool.transaction() as tx:
            await end(tx, row["id"], "expired", now)


async def forget(pool: Pool, before: datetime) -> None:
    """What ended before that is not known any more."""
    await pool.execute("DELETE FROM invites WHERE ended_at < $1", before)


async def keep_sealed(tx: Transaction, invite: InviteId, sealed: bytes) -> None:
    """This is what survives of the handshake."""
    await tx.execute("UPDATE invites SET sealed = $2 WHERE id = $1", invite, sealed)


async def giving(tx: Transaction, invite: InviteId, now: datetime) -> bool:
    """It is on record that the settings may leave; False when it is too late for that."""
    sql = "UPDATE invites SET giving_at = coalesce(giving_at, $2) WHERE id = $1 AND expires_at > $2"
    return await tx.execute(sql, invite, now) == "UPDATE 1"


async def reached(pool: Pool, invite: InviteId) -> None:
    """The invite's mailbox is open."""
    sql = "UPDATE invites SET unreachable_since = NULL, attempts = 0 WHERE id = $1 AND state = 'open'"
    await pool.execute(sql, invite)


async def unreached(pool: Pool, invite: InviteId, token: str, now: datetime) -> None:
    """The invite's mailbox cannot be reached."""
    sql = (
        "UPDATE invites SET unreachable_since = coalesce(unreachable_since, $3)"
        " WHERE id = $1 AND lease_token = $2 AND state = 'open'"
    )
    await pool.execute(sql, invite, token, now)


async def keep(pool: Pool, held: Sequence[tuple[InviteId, str]], ttl: timedelta, now: datetime) -> set[InviteId]:
    """Those of the held invites that are still ours, for ``ttl`` from now."""
    sql = """
    UPDATE invites SET lease_until = $3::timestamptz + $4::interval
    FROM unnest($1::uuid[], $2::uuid[]) AS held (id, token)
    WHERE invites.id = held.id AND lease_token = held.token RETURNING invites.id
    """
    ids, tokens = [invite for invite, _ in held], [token for _, token in held]
    return {row["id"] for row in await pool.fetch(sql, ids, tokens, now, ttl)}


async def let_go(pool: Pool, held: Sequence[tuple[InviteId, str]]) -> None:
    """Others may have these invites now."""
    sql = """
    WITH free AS (
        UPDATE invites SET lease_token = NULL, lease_until = NULL
        FROM unnest($1::uuid[], $2::uuid[]) AS held (id, token)
        WHERE invites.id = held.id AND lease_token = held.token RETURNING 1
    ) SELECT pg_notify($3, '') FROM (SELECT count(*) FROM free) AS counted
    """
    await pool.fetch(sql, [invite for invite, _ in held], [token for _, token in held], CHANNEL)


async def count(pool: Pool) -> tuple[int, int]:
    """How many invites are open, and how many of them have a mailbox that cannot be reached."""
    sql = "SELECT count(*) AS open, count(unreachable_since) AS unreachable FROM invites WHERE state = 'open'"
    row = await pool.fetchrow(sql)
    return (row["open"], row["unreachable"]) if row else (0, 0)

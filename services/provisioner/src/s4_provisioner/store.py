"""What the provisioner's database is asked."""

from datetime import datetime

import msgspec

from s4_contracts.billing import SignupPaid
from s4_contracts.ids import GridId, HostId
from s4_provisioner.grids import Grid, grid_of
from s4_provisioner.lifecycle import FIRST, Stage, Wanted
from s4_provisioner.sealing import Sealed
from s4_store import Pool, Record, Transaction, notify

CHANNEL = "grids"  # who waits for work listens here

_GRID = """
select grids.*, grids.host_wanted as chosen_host,
    h.driver as host_driver, h.pool as host_pool, h.region as host_region, h.zone as host_zone,
    h.release as host_release, h.wanted as host_wanted, h.reason as host_reason, h.stage as host_stage,
    h.stage_since as host_stage_since, h.attempts as host_attempts, h.request as host_request, h.sealed_host_key
    as host_sealed_host_key, h.host_key as host_host_key, h.instance_id as host_instance_id, h.address as
    host_address, h.ready_at as host_ready_at, h.failed_code as host_failed_code, h.created_at as
    host_created_at
from grids left join hosts h on h.id = grids.host_id
where grids.id = $1
"""


async def grid(source: Pool | Transaction, grid_id: GridId) -> Grid | None:
    """The grid as it is now, with its host."""
    row = await source.fetchrow(_GRID, grid_id)
    return grid_of(row) if row else None


class Belonging(msgspec.Struct, frozen=True):
    """Where a new grid belongs: its pool, its bucket's region, and the first of its two ports."""

    pool: str
    region: str
    port: int


async def want_ready(
    tx: Transaction, grid_id: GridId, paid: SignupPaid, belonging: Belonging, *, story: dict[str, str], now: datetime
) -> bool:
    """The grid of a signup is wanted and due; False when it was known before, and nothing changed."""
    made = await tx.fetchval(
        "insert into grids (id, account_id, signup_id, subscription_id, plan, quota_bytes, pool, region, port, story,"
        " wanted, stage, stage_since, created_at, due_at, paid_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
        " $11, $12, $13, $13, $13, $14) on conflict do nothing returning true",
        *(grid_id, paid.account_id, paid.signup_id, paid.subscription_id, paid.plan, paid.quota_bytes),
        *(belonging.pool, belonging.region, belonging.port),
        *(msgspec.json.encode(story).decode(), Wanted.READY, FIRST, now, paid.occurred_at),
    )
    return bool(made)


async def wake(tx: Transaction) -> None:
    """Convergers look for work when ``tx`` commits."""
    await notify(tx, CHANNEL)


async def begin(tx: Transaction, grid_id: GridId, step: Stage, now: datetime) -> None:
    """The timeline says that the step is under way."""
    await tx.execute("insert into steps (grid_id, step, began_at) values ($1, $2, $3)", grid_id, step, now)


async def end(tx: Transaction, grid_id: GridId, outcome: str, attempts: int, now: datetime) -> None:
    """The timeline says how the step that was under way ended."""
    await tx.execute(
        "update steps set ended_at = $4, outcome = $2, attempts = $3 where grid_id = $1 and ended_at is null",
        *(grid_id, outcome, attempts, now),
    )


async def enter(tx: Transaction, grid_id: GridId, stage: Stage, now: datetime) -> None:
    """The grid is in the stage, at the first attempt of the step; its lease goes on."""
    await tx.execute(
        "update grids set stage = $2, stage_since = $3, attempts = 1, due_at = $3 where id = $1", grid_id, stage, now
    )


async def rest(tx: Transaction, grid_id: GridId) -> None:
    """Nothing is to be done for the grid until somebody wants something else, or the time for which it is kept ends."""
    await tx.execute(
        "update grids set attempts = 0,"
        " due_at = case when wanted = 'suspended' and not frozen and not held then delete_after end where id = $1",
        grid_id,
    )


async def keep_reason(tx: Transaction, grid_id: GridId, reason: str) -> None:
    """Why the others know the grid as not served."""
    await tx.execute("update grids set stopped_for = $2 where id = $1", grid_id, reason)


async def look_again(tx: Transaction, grid_id: GridId, due_at: datetime, now: datetime, *, failed: bool) -> None:
    """The grid is due later. A look that merely came too early does not count as an attempt.

    It is due at once when it waits for its host, and that has come to an end since the grid was loaded.
    """
    await tx.execute(
        "update grids g set attempts = attempts - $3, due_at = case when stage = 'boot' and exists (select from hosts h"
        " where h.id = g.host_id and (h.stage in ('ready', 'failed') or h.wanted = 'absent'))"
        " then $4::timestamptz else $2::timestamptz end"
        " where id = $1",
        *(grid_id, due_at, 0 if failed else 1, now),
    )


async def keep_identity(tx: Transaction, grid_id: GridId, sealed: Sealed, dns_name: str) -> None:
    """Who the grid is, and where it will be found."""
    await tx.execute(
        "update grids set sealed_identity = $2, dns_name = $3 where id = $1", grid_id, sealed.envelope, dns_name
    )


async def keep_bucket(tx: Transaction, grid_id: GridId, bucket: str) -> None:
    """Where the grid's shares go."""
    await tx.execute("update grids set bucket = $2 where id = $1", grid_id, bucket)


async def keep_served(tx: Transaction, grid_id: GridId, address: str, lent_until: datetime) -> None:
    """Where clients reach the grid on its host, and until when its node has a right to its bucket."""
    await tx.execute("update grids set address = $2, lent_until = $3 where id = $1", *(grid_id, address, lent_until))


async def keep_dns_change(tx: Transaction, grid_id: GridId, change: str | None) -> None:
    """The change of the zone that the grid's name waits for."""
    await tx.execute("update grids set dns_change = $2 where id = $1", grid_id, change)


async def count_relaunch(tx: Transaction, grid_id: GridId) -> None:
    """One more host was lost before the grid was proved on it."""
    await tx.execute("update grids set relaunches = relaunches + 1 where id = $1", grid_id)


async def keep_proof(tx: Transaction, grid_id: GridId, proved_at: datetime, seconds: float) -> None:
    """A client stored a file through the grid and read it back."""
    await tx.execute(
        "update grids set proved_at = $2, proof_seconds = $3, relaunches = 0, failing_since = null where id = $1",
        *(grid_id, proved_at, seconds),
    )


async def on_host(tx: Transaction, host_id: HostId) -> list[GridId]:
    """The grids that are on the host."""
    return [GridId(row["id"]) for row in await tx.fetch("select id from grids where host_id = $1 order by id", host_id)]


async def hold_those_on(tx: Transaction, host_id: HostId) -> None:
    """Nobody else moves the grids that are on the host until ``tx`` ends."""
    await tx.execute("select from grids where host_id = $1 order by id for no key update", host_id)


async def keep_loss(tx: Transaction, grid_id: GridId, host_id: HostId, now: datetime) -> None:
    """Since when the grid is not served, because its host was lost."""
    await tx.execute(
        "update grids set lost_at = coalesce(lost_at, $3), lost_host = $2 where id = $1", *(grid_id, host_id, now)
    )
    await tx.execute(
        "update stays set lost_at = $3 where grid_id = $1 and host_id = $2 and ended_at is null", grid_id, host_id, now
    )


async def look_after(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """The grid is served, nothing is lost of it, and it is looked at from now on."""
    await tx.execute(
        "update grids set lost_at = null, lost_host = null, failing_since = null, look_at = $2,"
        " probe_at = greatest(probe_at, $2) where id = $1",
        *(grid_id, now),
    )


async def fail(tx: Transaction, grid_id: GridId, stage: Stage, code: str, now: datetime) -> None:
    """The grid waits for a person."""
    await tx.execute(
        "update grids set stage = $4, stage_since = $5, failed_stage = $2, failed_code = $3, failures = failures + 1"
        " where id = $1",
        *(grid_id, stage, code, Stage.FAILED, now),
    )
    await rest(tx, grid_id)


async def again(tx: Transaction, grid_id: GridId, resting: Stage, now: datetime) -> Stage | None:
    """A grid that rests here is due again, in the stage that is the answer; None when it does not rest here.

    A failed one goes on where it failed. For a ready one all is done again that depends on more than its identity.
    """
    stage = await tx.fetchval(
        "update grids set stage = case stage when 'failed' then failed_stage else 'bucket' end, stage_since = $3,"
        " relaunches = 0, dns_change = null, due_at = $3, wishes = wishes + 1"
        " where id = $1 and stage = $2 and (stage = 'failed' or wanted = 'ready' and not held and not paused)"
        " returning stage",
        *(grid_id, resting, now),
    )
    return Stage(stage) if stage else None


async def count_objects(tx: Transaction, grid_id: GridId, objects: int, up_to: str) -> None:
    """So many more objects are to be removed, the last of them the one with this key."""
    await tx.execute(
        "update grids set objects = objects + $2, counted_to = $3 where id = $1", *(grid_id, objects, up_to)
    )


async def forget_keys(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """No secret of the grid is left."""
    await tx.execute("update grids set sealed_identity = null, deleted_at = $2 where id = $1", grid_id, now)


async def note_read(tx: Transaction, grid: Grid, claim_ref: str, story_id: str, now: datetime) -> None:
    """The grid's owner was given its furl."""
    await tx.execute(
        "insert into furl_reads (grid_id, account_id, claim_ref, correlation_id, read_at) values ($1, $2, $3, $4, $5)",
        *(grid.id, grid.account_id, claim_ref, story_id, now),
    )


async def next_due(pool: Pool) -> datetime | None:
    """When a grid that nobody holds is due, or the lease of one that is due ends; None when nothing is to be done."""
    found: datetime | None = await pool.fetchval(
        "select min(greatest(due_at, lease_until)) from grids where due_at is not null"
    )
    return found


async def unfinished_since(pool: Pool) -> datetime | None:
    """Since when the grid has waited that has waited longest to be ready, from its payment on; failed ones count.

    One that was ready before waits since the stage began in which it is.
    """
    found: datetime | None = await pool.fetchval(
        "select min(case when proved_at is null then created_at else stage_since end) from grids"
        " where wanted = 'ready' and not held and not paused and stage not in ('ready', 'absent')"
    )
    return found


async def leaving_since(pool: Pool) -> datetime | None:
    """Since when the grid has been at it that has taken longest with a step of its end; failed ones count."""
    found: datetime | None = await pool.fetchval(
        "select min(stage_since) from grids where not frozen and ("
        " wanted = 'suspended' and stage not in ('suspended', 'absent')"
        " or wanted = 'absent' and stage <> 'absent'"
        " or wanted = 'ready' and paused and stage not in ('suspended', 'absent'))"
    )
    return found


async def timeline(pool: Pool, grid_id: GridId) -> list[Record]:
    """The grid's steps in the order in which they were begun: step, outcome, attempts, seconds."""
    return await pool.fetch(
        "select step, began_at, outcome, attempts, extract(epoch from ended_at - began_at)::float8 as seconds"
        " from steps where grid_id = $1 order by id",
        grid_id,
    )

"""What billing asked for, in rows. Each answers whether it was news: a lower revision than one heard before is not."""

from datetime import datetime

from s4_contracts.billing import PlanChanged, SubscriptionEnded
from s4_contracts.ids import GridId
from s4_provisioner.grids import Grid
from s4_store import Transaction


async def stop(tx: Transaction, grid_id: GridId, revision: int, now: datetime) -> bool:
    """The grid is not to be served until further notice."""
    return await _is_news(
        tx,
        "update grids set wanted = 'suspended', suspended_at = coalesce(suspended_at, $3), delete_after = null,"
        " kept_until = null, ended_at = null, is_erasure = false, service_revision = $2"
        " where id = $1 and service_revision < $2 and wanted <> 'absent' returning true",
        *(grid_id, revision, now),
    )


async def serve(tx: Transaction, grid_id: GridId, revision: int) -> bool:
    """The grid is to be served again; not one of which nothing is left."""
    return await _is_news(
        tx,
        "update grids set wanted = 'ready', delete_after = null,"
        " kept_until = null, ended_at = null, is_erasure = false, service_revision = $2"
        " where id = $1 and service_revision < $2 and stage <> 'absent' returning true",
        *(grid_id, revision),
    )


async def end(tx: Transaction, grid: Grid, told: SubscriptionEnded, least: datetime, now: datetime) -> bool:
    """Not served any more and kept as told, if it was ever ready till ``least``; the last word of two told at once.

    Which day follows from that, and from what the owner chose, is settled next.
    """
    return await _is_news(
        tx,
        "update grids set wanted = 'suspended', suspended_at = coalesce(suspended_at, $4),"
        " kept_until = case when proved_at is null then $3::timestamptz else greatest($3, $5) end,"
        " ended_at = $6, service_revision = $2"
        " where id = $1 and service_revision <= $2 and wanted <> 'absent' returning true",
        *(grid.id, told.revision, told.delete_after, now, least, told.occurred_at),
    )


async def remove(tx: Transaction, grid_id: GridId) -> None:
    """Nothing of the grid is to be left."""
    await tx.execute("update grids set wanted = 'absent' where id = $1", grid_id)


async def freeze(tx: Transaction, grid_id: GridId, revision: int, *, frozen: bool) -> bool:
    """Nothing of the grid may be removed, or it may again."""
    return await _is_news(
        tx,
        "update grids set frozen = $3, dispute_revision = $2"
        " where id = $1 and dispute_revision < $2 and stage <> 'absent' returning true",
        *(grid_id, revision, frozen),
    )


async def hold(tx: Transaction, grid_id: GridId, now: datetime, *, held: bool) -> bool:
    """An operator keeps the grid from being served, or does not any more; False when it was so already."""
    return await _is_news(
        tx,
        "update grids set held = $2, suspended_at = case when $2 then coalesce(suspended_at, $3) else suspended_at end"
        " where id = $1 and held <> $2 returning true",
        *(grid_id, held, now),
    )


async def change_plan(tx: Transaction, grid_id: GridId, told: PlanChanged, pool: str) -> bool:
    """Another plan holds, and the grid belongs to its pool; what was chosen for it in another one holds no more."""
    return await _is_news(
        tx,
        "update grids set plan = $3, quota_bytes = $4, pool = $5, plan_revision = $2,"
        " release_wanted = case when pool = $5 then release_wanted end,"
        " host_wanted = case when pool = $5 then host_wanted end"
        " where id = $1 and plan_revision < $2 and stage <> 'absent' returning true",
        *(grid_id, told.revision, told.plan, told.quota_bytes, pool),
    )


async def count_wish(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """Something was asked: the grid is due, and what was begun before moves nothing, and its name may be taken out."""
    sql = "update grids set wishes = wishes + 1, relaunches = 0, dns_change = null, due_at = $2 where id = $1"
    await tx.execute(sql, grid_id, now)


async def served(tx: Transaction, grid_id: GridId) -> None:
    """The grid is served again; what is in it, nobody has counted."""
    await tx.execute(
        "update grids set suspended_at = null, stopped_for = null, objects = 0, counted_to = null where id = $1 and"
        " (suspended_at is not null or stopped_for is not null or counted_to is not null)",
        grid_id,
    )


async def wishes(tx: Transaction, grid_id: GridId) -> int:
    """How often something was asked."""
    found: int = await tx.fetchval("select wishes from grids where id = $1", grid_id)
    return found


async def _is_news(tx: Transaction, sql: str, *arguments: object) -> bool:
    return bool(await tx.fetchval(sql, *arguments))

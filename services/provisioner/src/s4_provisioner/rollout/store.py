"""What the database is asked about rollouts."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_provisioner.lifecycle import ON_A_HOST, Stage, aim
from s4_provisioner.lifecycle import Wanted as WantedGrid
from s4_provisioner.rollout.decision import Moved, Progress
from s4_store import Pool, Record, Transaction, notify

CHANNEL = "rollouts"
_ON_THE_WAY = [stage.value for stage in ON_A_HOST]
_COUNTS = """
select count(*) filter (where round = $2) as begun, count(*) filter (where state in ('moving', 'returning')) as moving,
    count(*) filter (where state = 'failed') as failed
from rollout_grids where rollout_id = $1
"""
_OTHERS = """
from grids g join hosts h on h.id = g.host_id
where g.pool = $1 and g.wanted = 'ready' and not g.held and not g.paused and h.release is distinct from $2
    and not exists (select from rollout_grids r where r.rollout_id = $3 and r.grid_id = g.id)
"""
_MOVED = """
select r.grid_id, r.state, r.former_host, r.began_at, g.wanted, g.frozen, g.held, g.paused, g.stage, g.attempts,
    g.proved_at, g.failed_code, g.pool, h.release
from rollout_grids r join grids g on g.id = r.grid_id left join hosts h on h.id = g.host_id
where r.rollout_id = $1 and r.state = any($2)
"""


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One release for one pool."""

    id: str
    pool: str
    release: str
    former: str
    canary: int
    batch: int
    state: str
    round: int
    code: str | None


class Mover(msgspec.Struct, frozen=True, kw_only=True):
    """A grid that was moved, with how it is."""

    grid_id: GridId
    moved: Moved
    former_host: HostId | None
    code: str | None


async def wake(tx: Transaction) -> None:
    """The loop looks when ``tx`` commits."""
    await notify(tx, CHANNEL)


async def open_one(source: Pool | Transaction, pool: str) -> Rollout | None:
    """The rollout of the pool that has not come to its end."""
    row = await source.fetchrow("select * from rollouts where pool = $1 and ended_at is null", pool)
    return rollout_of(row) if row else None


def rollout_of(row: Record) -> Rollout:
    """The rollout of a row."""
    return Rollout(**{name: row[name] for name in Rollout.__struct_fields__})


async def progress(tx: Transaction, rollout: Rollout, at_once: int) -> Progress:
    """How far it has come."""
    (counts,) = await tx.fetch(_COUNTS, rollout.id, rollout.round)
    whose = (rollout.pool, rollout.release, rollout.id)
    ready = await tx.fetchval(f"select count(*) {_OTHERS} and g.stage = 'ready'", *whose)
    sql = f"select count(*) {_OTHERS} and g.stage = any($4)"
    return Progress(
        canary=rollout.canary,
        batch=rollout.batch,
        at_once=at_once,
        round=rollout.round,
        begun=counts["begun"],
        moving=counts["moving"],
        failed=counts["failed"],
        to_go=ready,
        coming=await tx.fetchval(sql, *whose, _ON_THE_WAY),
    )


async def next_grids(tx: Transaction, rollout: Rollout, number: int) -> list[GridId]:
    """Up to so many grids that are served with another release, which nobody else moves until ``tx`` ends."""
    sql = f"select g.id {_OTHERS} and g.stage = 'ready' order by g.id limit $4 for no key update of g skip locked"
    rows = await tx.fetch(sql, rollout.pool, rollout.release, rollout.id, number)
    return [GridId(row["id"]) for row in rows]


async def movers(tx: Transaction, rollout: Rollout, states: Sequence[str]) -> list[Mover]:
    """The grids that were moved, and are in one of these states."""
    return [
        Mover(
            grid_id=GridId(row["grid_id"]),
            moved=Moved(
                is_here=row["pool"] == rollout.pool,
                aim=aim(WantedGrid(row["wanted"]), frozen=row["frozen"], held=row["held"], paused=row["paused"]),
                stage=Stage(row["stage"]),
                release=row["release"],
                proved_at=row["proved_at"],
                attempts=row["attempts"],
                began_at=row["began_at"],
            ),
            former_host=row["former_host"],
            code=row["failed_code"],
        )
        for row in await tx.fetch(_MOVED, rollout.id, list(states))
    ]


async def begun(tx: Transaction, rollout: Rollout, grid_id: GridId, number: int, now: datetime) -> None:
    """The grid begins to move, in this round."""
    await tx.execute(
        "insert into rollout_grids (rollout_id, grid_id, round, state, former_host, began_at)"
        " select $1, id, $3, 'moving', host_id, $4 from grids where id = $2",
        *(rollout.id, grid_id, number, now),
    )


async def became(
    tx: Transaction, rollout: Rollout, grid_id: GridId, state: str, *, now: datetime, code: str | None = None
) -> None:
    """What became of the grid's move."""
    await tx.execute(
        "update rollout_grids set state = $3, ended_at = $4, code = coalesce($5, code)"
        " where rollout_id = $1 and grid_id = $2",
        *(rollout.id, grid_id, state, now, code),
    )


async def returning(tx: Transaction, rollout: Rollout, grid_id: GridId, state: str, now: datetime) -> None:
    """The grid is on its way back; ``state`` says whether because it failed or because all go."""
    await tx.execute(
        "update rollout_grids set state = $3, began_at = $4, ended_at = null where rollout_id = $1 and grid_id = $2",
        *(rollout.id, grid_id, state, now),
    )


async def forget(tx: Transaction, rollout: Rollout, grid_id: GridId) -> None:
    """The grid counts no more."""
    await tx.execute("delete from rollout_grids where rollout_id = $1 and grid_id = $2", rollout.id, grid_id)


async def move_to(
    tx: Transaction, rollout: Rollout, state: str, now: datetime, *, number: int | None = None, code: str | None = None
) -> None:
    """The rollout is in this state, and round."""
    await tx.execute(
        "update rollouts set state = $2, round = coalesce($3, round), code = $4,"
        " ended_at = case when $2 in ('done', 'undone') then $5::timestamptz end where id = $1",
        *(rollout.id, state, number, code, now),
    )


async def let_kept_hosts_go(tx: Transaction, rollout: Rollout, now: datetime) -> None:
    """The hosts that were kept for grids to come back to are looked at: an empty one goes."""
    await tx.execute(
        "update hosts h set due_at = $2 where pool = $1 and wanted = 'open' and stage = 'ready' and is_used"
        " and not exists (select from grids where host_id = h.id)",
        *(rollout.pool, now),
    )
    await notify(tx, "hosts")
    await notify(tx, "pools")

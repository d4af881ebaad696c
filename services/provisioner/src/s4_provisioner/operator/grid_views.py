"""What operators see of grids: rows, one grid, and its whole history."""

from collections.abc import Mapping
from typing import Any

import msgspec

from s4_contracts.ids import GridId
from s4_provisioner.operator.asking import Answer, limit_of
from s4_runtime import is_id
from s4_runtime.refusals import NotThere, WrongWish
from s4_store import Pool, Record

_COLUMNS = """
g.id, g.account_id, g.plan, g.pool, g.region, g.wanted, g.held, g.paused, g.frozen, g.stage, g.stage_since,
g.failed_stage, g.failed_code, g.host_id, coalesce(h.release, '') as release, h.version, g.release_wanted, g.shard,
g.address, g.port, g.dns_name, g.bucket, g.stored_bytes, g.stored_objects, g.quota_bytes, g.measured_at, g.proved_at,
g.proof_seconds, g.failing_since, g.probe_code, g.bucket_code, g.unmended, g.lost_at, g.lent_until, g.suspended_at,
g.ended_at, g.kept_until, g.erasure_chosen_at, g.delete_after, g.is_erasure, g.deleted_at, g.created_at
"""
_FROM = "from grids g left join hosts h on h.id = g.host_id"
# What a list may be narrowed by: the condition for each word of the query.
_FILTERS: Mapping[str, str] = {
    "plan": "g.plan = $",
    "pool": "g.pool = $",
    "stage": "g.stage = $",
    "account": "g.account_id = $",
    "host": "g.host_id = $",
    "release": "h.release = $",
    "version": "h.version = $",
    "after": "g.id > $",
}
_IDS = {"account", "host", "after"}
_VERSIONS = f"""
select g.pool, h.release, h.version, count(*) as grids {_FROM} where g.stage = 'ready' group by 1, 2, 3 order by 1, 2, 3
"""
# Each kind of moment of a grid's life, oldest first: the rows with their moment as ``at``.
_MOMENTS: Mapping[str, str] = {
    "paid": "select created_at as at, plan, account_id from grids where id = $1",
    "step": "select began_at as at, step, outcome, attempts, round(extract(epoch from ended_at - began_at)::numeric, 3)"
    "::float8 as seconds from steps where grid_id = $1",
    "placed": "select began_at as at, s.host_id, s.release, h.zone, h.instance_id from stays s left join hosts h"
    " on h.id = s.host_id where grid_id = $1",
    "left": "select ended_at as at, host_id from stays where grid_id = $1 and ended_at is not null and lost_at is null",
    "host-lost": "select s.lost_at as at, s.host_id, h.reason from stays s left join hosts h on h.id = s.host_id"
    " where s.grid_id = $1 and s.lost_at is not null",
    "furl-read": "select read_at as at, account_id, correlation_id from furl_reads where grid_id = $1",
    "export": "select given_at as at, kind, objects, account_id, correlation_id from exports where grid_id = $1",
    "operator": "select at, who, what as deed, facts from audit where about = $1::uuid::text",
    "rollout": "select r.began_at as at, o.release, r.round, r.state, r.code from rollout_grids r"
    " join rollouts o on o.id = r.rollout_id where r.grid_id = $1",
    "deleted": "select deleted_at as at, objects from grids where id = $1 and deleted_at is not null",
}


async def rows(pool: Pool, query: Mapping[str, str]) -> Answer:
    """Grids that fit the query, by id, so that the last id is ``after`` of the next question; how many fit in all."""
    where, values = narrowed(query)
    total = await pool.fetchval(f"select count(*) {_FROM} where {where}", *values)
    sql = f"select {_COLUMNS} {_FROM} where {where} order by g.id limit {limit_of(query)}"
    found = [dict(row) for row in await pool.fetch(sql, *values)]
    return {"grids": found, "total": total}


def narrowed(query: Mapping[str, str]) -> tuple[str, list[str]]:
    """The condition, and its values. Raises WrongWish."""
    parts, values = ["true"], list[str]()
    for name, condition in _FILTERS.items():
        if name in query:
            if name in _IDS and not is_id(query[name]):
                raise WrongWish("not-an-id")
            values.append(query[name])
            parts.append(f"{condition}{len(values)}")
    if query.get("trouble"):
        parts.append("(g.stage = 'failed' or g.failing_since is not null or g.lost_at is not null)")
    elif not query.get("gone") and "stage" not in query:
        parts.append("g.stage <> 'absent'")
    return " and ".join(parts), values


async def versions(pool: Pool) -> Answer:
    """How many served grids have which release, and which version their hosts say that it is."""
    return {"versions": [dict(row) for row in await pool.fetch(_VERSIONS)]}


async def one(pool: Pool, grid_id: str) -> Answer:
    """The grid, and all that happened to it. Its furl and its keys are not here. Raises NotThere."""
    sql = f"select {_COLUMNS} {_FROM} where g.id = $1"
    row = await pool.fetchrow(sql, grid_id) if is_id(grid_id) else None
    if row is None:
        raise NotThere("no-such-grid")
    return {"grid": dict(row), "history": await history(pool, GridId(grid_id))}


async def history(pool: Pool, grid_id: GridId) -> list[Answer]:
    """What happened, oldest first."""
    found = [_moment(kind, row) for kind, sql in _MOMENTS.items() for row in await pool.fetch(sql, grid_id)]
    return sorted(found, key=lambda moment: moment["at"])


def _moment(kind: str, row: Record) -> Answer:
    told: dict[str, Any] = {"at": row["at"], "what": kind}
    for name, value in row.items():
        if name == "facts":
            told |= {"facts": msgspec.json.decode(value)}
        elif name != "at" and value is not None:
            told[name] = value
    return told

"""What operators see of hosts, of what may still be built, and of breakers."""

from collections.abc import Mapping

from s4_provisioner.operator.asking import Answer, limit_of
from s4_runtime import is_id
from s4_runtime.refusals import NotThere, WrongWish
from s4_store import Pool

_COLUMNS = """
h.id, h.driver, h.pool, h.region, h.zone, h.release, h.version, h.wanted, h.reason, h.stage, h.stage_since, h.attempts,
h.trouble, h.failed_code, h.instance_id, h.address, h.capacity, h.is_used, h.is_full, h.ready_at, h.created_at,
h.silent_since, h.impaired_since, h.bad_since, h.retires_at, h.alarm, h.memory_mib, h.memory_available_mib,
h.disk_free_mib, (select count(*) from grids where host_id = h.id) as grids,
(select count(*) from departures where host_id = h.id) as leaving
"""
_FILTERS: Mapping[str, str] = {
    "pool": "h.pool = $",
    "stage": "h.stage = $",
    "release": "h.release = $",
    "after": "h.id > $",
}
_RESIDENTS = """
select id, plan, stage, shard, stored_bytes, failing_since, 'here' as place from grids where host_id = $1
union all
select g.id, g.plan, g.stage, null, g.stored_bytes, g.failing_since, d.state from departures d
    join grids g on g.id = d.grid_id where d.host_id = $1
"""
_HISTORY = """
select at, 'operator' as what, who, what as deed from audit where about = $1::uuid::text
union all select began_at, 'grid-placed', null, grid_id::text from stays where host_id = $1
union all select ended_at, 'grid-left', null, grid_id::text from stays where host_id = $1 and ended_at is not null
order by 1
"""
_QUOTAS = "select region, vcpus, buckets, seen_at from quotas_seen order by region"
_POOLS = """
select h.pool, h.region, h.release, count(*) as hosts, count(*) filter (where h.wanted = 'open') as open,
    count(*) filter (where h.stage = 'ready' and not h.is_full and h.wanted = 'open') as with_room,
    sum((select count(*) from grids where host_id = h.id))::bigint as grids
from hosts h where h.stage <> 'gone' group by 1, 2, 3 order by 1, 2, 3
"""
_TOLD = "select pool, told, told_at from capacity_told order by pool"


async def rows(pool: Pool, query: Mapping[str, str]) -> Answer:
    """Hosts that fit the query, by id, and how many do in all. Raises WrongWish."""
    parts, values = ["true" if query.get("gone") or "stage" in query else "h.stage <> 'gone'"], list[str]()
    for name, condition in _FILTERS.items():
        if name in query:
            if name == "after" and not is_id(query[name]):
                raise WrongWish("not-an-id")
            values.append(query[name])
            parts.append(f"{condition}{len(values)}")
    where = " and ".join(parts)
    total = await pool.fetchval(f"select count(*) from hosts h where {where}", *values)  # noqa: S608  own words only
    sql = f"select {_COLUMNS} from hosts h where {where} order by h.id limit {limit_of(query)}"  # noqa: S608  own words
    return {"hosts": [dict(row) for row in await pool.fetch(sql, *values)], "total": total}


async def one(pool: Pool, host_id: str) -> Answer:
    """The host, the grids on it and those that left it, and what happened to it. Raises NotThere."""
    sql = f"select {_COLUMNS} from hosts h where h.id = $1"  # noqa: S608  own words only
    row = await pool.fetchrow(sql, host_id) if is_id(host_id) else None
    if row is None:
        raise NotThere("no-such-host")
    grids = [dict(each) for each in await pool.fetch(_RESIDENTS, host_id)]
    return {"host": dict(row), "grids": grids, "history": [dict(each) for each in await pool.fetch(_HISTORY, host_id)]}


async def quota(pool: Pool) -> Answer:
    """What the account may still have, what each pool has, and what was last told of its room."""
    asked = {"quotas": _QUOTAS, "pools": _POOLS, "told": _TOLD}
    return {name: [dict(row) for row in await pool.fetch(sql)] for name, sql in asked.items()}


async def breakers(pool: Pool) -> Answer:
    """Whether anything is replaced or mended in each region that was looked at."""
    rows = await pool.fetch("select region, state, forced, since, trials from breakers order by region")
    return {"breakers": [dict(row) for row in rows]}

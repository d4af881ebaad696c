"""What grids hold, and what they cost us."""

from collections.abc import Mapping

from s4_provisioner.costs import prices as price_file
from s4_provisioner.costs.reckoning import Spent, by_plan, cost
from s4_provisioner.operator.asking import Answer, limit_of
from s4_provisioner.tools import Tools
from s4_runtime.refusals import NotNow
from s4_store import Pool

_SPENT = """
select g.id, g.plan, g.account_id, g.pool, g.stored_bytes, g.dns_name is not null as has_name, h.driver,
    (h.request ->> 'instance_type') as instance_type, (h.request ->> 'disk_gib')::integer as disk_gib,
    count(*) over (partition by g.host_id) as residents
from grids g left join hosts h on h.id = g.host_id where g.stage <> 'absent' order by g.id
"""
_USAGE = """
select id, plan, account_id, stored_bytes, stored_objects, quota_bytes, measured_at from grids
where stage <> 'absent' order by stored_bytes desc nulls last, id limit $1
"""
_PLANS = """
select plan, count(*) as grids, sum(stored_bytes)::bigint as stored_bytes, sum(quota_bytes)::float8 as sold_bytes,
    count(*) filter (where stored_bytes is null) as unmeasured
from grids where stage <> 'absent' group by plan order by plan
"""


async def usage(pool: Pool, query: Mapping[str, str]) -> Answer:
    """The grids that hold most, and what the grids of each plan hold together."""
    rows = await pool.fetch(_USAGE, limit_of(query))
    return {"grids": [dict(row) for row in rows], "plans": [dict(row) for row in await pool.fetch(_PLANS)]}


async def costs(pool: Pool, tools: Tools, query: Mapping[str, str]) -> Answer:
    """What grids cost in a month, the dearest first, and in all by plan. Raises NotNow without a file of prices."""
    prices = price_file.read(tools.settings.prices)
    if prices is None:
        raise NotNow("no-prices")
    rows = await pool.fetch(_SPENT)
    names = sum(row["has_name"] for row in rows)
    found = []
    for row in rows:
        spec = tools.fleet.spec(row["pool"])
        is_priced = row["driver"] is not None
        spent = Spent(
            grid_id=row["id"],
            plan=row["plan"],
            account_id=row["account_id"],
            instance_type=(row["instance_type"] or spec.instance_type or row["driver"]) if is_priced else None,
            disk_gib=row["disk_gib"] or spec.disk_gib,
            residents=row["residents"],
            stored_bytes=row["stored_bytes"],
            has_name=row["has_name"],
        )
        found.append(cost(spent, prices, names))
    chosen = [each for each in found if query.get("grid") in {None, each.grid_id}]
    dearest = sorted(chosen, key=lambda each: -each.total)[: limit_of(query)]
    return {
        "currency": prices.currency,
        "date": prices.date,
        "unknown": price_file.unknown(prices, tools.fleet),
        "grids": [
            {"id": each.grid_id, "plan": each.plan, "account_id": each.account_id, "total": round(each.total, 4)}
            | {name: None if part is None else round(part, 4) for name, part in each.parts.items()}
            for each in dearest
        ],
        "plans": by_plan(found),
        "total": round(sum(each.total for each in found), 4),
    }

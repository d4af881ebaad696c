"""The breaker's row of a region: moved by the rule in health.breaker, asked before anything is replaced or mended."""

from datetime import datetime
from typing import Literal

from s4_provisioner.health import metrics
from s4_provisioner.health.breaker import Count, Region, State, Trials, following
from s4_provisioner.health.settings import HealthSettings
from s4_runtime import get_logger
from s4_store import Pool, Transaction

# Of each host: whether it is bad, and since when; a host that was just lost still counts.
_COUNT = """
with served as (
    select host_id, count(*) as grids, count(*) filter (where failing_since is not null) as failing,
        count(*) filter (where failing_since > $2) as fresh
    from grids where look_at is not null and stage = 'ready' group by host_id
), each as (
    select h.look_at is not null as looked, coalesce(s.grids, 0) as grids, coalesce(s.failing, 0) as failing,
        coalesce(s.fresh, 0) as fresh,
        h.look_at is not null and h.bad_since is not null or s.failing * 2 > s.grids as is_bad,
        h.bad_since > $2 or s.fresh * 2 > s.grids as is_fresh
    from hosts h left join served s on s.host_id = h.id
    where h.region = $1 and (h.look_at is not null or h.lost_at > $2)
)
select count(*) as hosts, coalesce(sum(grids), 0)::bigint as grids,
    count(*) filter (where is_bad) as bad, count(*) filter (where is_fresh) as fresh_bad,
    coalesce(sum(failing) - max(failing), 0)::bigint as failing, coalesce(sum(fresh) - max(fresh), 0)::bigint as fresh
from each
"""
_PENDING = """
select count(*) from grids g join hosts h on h.id = coalesce(g.lost_host, g.host_id)
where h.region = $1 and (g.lost_at >= $2 or g.mended_at >= $2 and g.stage <> 'ready')
"""


async def judge(pool: Pool, region: str, limits: HealthSettings, now: datetime) -> State:
    """The breaker of the region is as it must be by what is on record now; its opening is told once."""
    async with pool.transaction() as tx:
        await tx.execute("insert into breakers (region, since) values ($1, $2) on conflict do nothing", region, now)
        row = await tx.fetchrow("select * from breakers where region = $1 for no key update", region)
        if row is None:
            return State.CLOSED
        before, since = State(row["state"]), row["since"]
        lately = since if before is State.HALF_OPEN else now - limits.breaker_window
        pending = await tx.fetchval(_PENDING, region, since) if before is State.HALF_OPEN else 0
        found = await _found(tx, region, lately, Trials(begun=row["trials"], pending=pending))
        after = following(before, now - since, found, limits)
        if after is not before:
            await tx.execute(
                "update breakers set state = $2, since = $3, trials = 0 where region = $1", region, after.value, now
            )
    if after is not before:
        _tell(region, before, after, found.now)
    return _in_force(after, row["forced"])


async def _found(tx: Transaction, region: str, lately: datetime, trials: Trials) -> Region:
    (row,) = await tx.fetch(_COUNT, region, lately)
    of = {"hosts": row["hosts"], "grids": row["grids"]}
    return Region(
        lately=Count(**of, bad_hosts=row["fresh_bad"], failing_apart=row["fresh"]),
        now=Count(**of, bad_hosts=row["bad"], failing_apart=row["failing"]),
        trials=trials,
    )


def _tell(region: str, before: State, after: State, count: Count) -> None:
    log = get_logger().bind(region=region, hosts=count.hosts, bad=count.bad_hosts, failing=count.failing_apart)
    if before is State.CLOSED:
        metrics.BREAKER_TRIPS.labels(region).inc()
        log.error("breaker.opened")
    else:
        log.warning("breaker.moved", state=after.value)


def _in_force(state: State, forced: str | None) -> State:
    return State(forced) if forced else state


async def state_of(source: Pool | Transaction, region: str) -> State:
    """What holds in the region."""
    row = await source.fetchrow("select state, forced from breakers where region = $1", region)
    return _in_force(State(row["state"]), row["forced"]) if row else State.CLOSED


async def allows(tx: Transaction, region: str, limits: HealthSettings) -> bool:
    """Whether one more thing may be replaced or mended in the region; if it is half open, this is one of the few."""
    match await state_of(tx, region):
        case State.CLOSED:
            return True
        case State.OPEN:
            return False
        case State.HALF_OPEN:
            sql = "update breakers set trials = trials + 1 where region = $1 and trials < $2 returning true"
            return bool(await tx.fetchval(sql, region, limits.breaker_trials))


async def force(tx: Transaction, region: str, forced: Literal["closed", "open"] | None, now: datetime) -> None:
    """A person has decided; None leaves it to the rule again, which begins anew. For an operator."""
    await tx.execute(
        "insert into breakers (region, since, forced) values ($1, $3, $2) on conflict (region) do update"
        " set forced = $2, since = $3, trials = 0,"
        " state = case when $2::text is null then 'closed' else breakers.state end",
        *(region, forced, now),
    )


async def show(pool: Pool) -> None:
    """The metric says of each region whether its breaker keeps anything from being done."""
    for row in await pool.fetch("select region, state, forced from breakers"):
        state = _in_force(State(row["state"]), row["forced"])
        metrics.BREAKER_OPEN.labels(row["region"]).set(state is not State.CLOSED)

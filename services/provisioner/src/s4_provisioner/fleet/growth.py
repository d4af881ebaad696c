"""One more host for a pool, in the zone where it is wanted most."""

from datetime import datetime, timedelta

from s4_contracts.ids import HostId
from s4_provisioner.fleet import store
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Pool
from s4_runtime import new_id
from s4_store import Pool as Database
from s4_store import Transaction

_SHUNNED = timedelta(minutes=10)  # a zone that had no machine for us is asked last for so long
_ZONES = """
select zone, count(*) filter (where wanted = 'open') as hosts,
    max(stage_since) filter
        (where failed_code in ('aws-no-capacity', 'aws-not-in-zone') and stage_since > $2) as refused
from hosts where pool = $1 and zone is not null and (wanted = 'open' or stage_since > $2) group by zone
"""


async def add_host(tx: Transaction, name: str, pool: Pool, release: str, now: datetime) -> HostId:
    """The pool will have one more host. Whoever calls holds the pool."""
    host_id = HostId(new_id())
    await store.add(
        tx,
        host_id,
        pool=name,
        driver=pool.driver,
        region=pool.region,
        zone=await emptiest_zone(tx, name, pool, now),
        release=release,
        now=now,
    )
    return host_id


async def emptiest_zone(tx: Transaction, name: str, pool: Pool, now: datetime) -> str | None:
    """The zone of the pool with the fewest hosts, of those that had room of late; None where the driver chooses."""
    if not pool.zones:
        return None
    rows = {row["zone"]: row for row in await tx.fetch(_ZONES, name, now - _SHUNNED)}
    never = now - _SHUNNED

    def merit(zone: str) -> tuple[datetime, int]:
        found = rows.get(zone)
        return (found["refused"] or never, found["hosts"]) if found else (never, 0)

    return min(pool.zones, key=merit)


async def may_be_elsewhere(source: Database, host: Host, pool: Pool, now: datetime) -> bool:
    """Whether another zone of the pool may have a machine, where the host's own has none."""
    rows = await source.fetch(_ZONES, host.pool, now - _SHUNNED)
    refused = {row["zone"] for row in rows if row["refused"]}
    return bool(set(pool.zones) - refused - {host.zone})

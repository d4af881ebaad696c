"""A fleet of many grids at rest, in rows, as it is when all of them were served for days."""

from datetime import timedelta

from s4_store import Pool

# The looks of each kind are spread over the time within which each comes once.
_HOSTS = """
insert into hosts (id, capacity, pool, driver, region, release, version, zone, wanted, stage, stage_since, created_at,
    ready_at, look_at, check_at, report_at, lend_at, request, host_key, instance_id, address, is_used, is_full)
select gen_random_uuid(), $2, $3, 'ec2', $4, 's4-node-*', 's4-node 1', 'zone-' || n % 3, 'open', 'ready',
    now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', now() + $5::interval * random(),
    now() + $6::interval * random(), now() + $7::interval * random(), now() + interval '30 minutes' * random(), '{}',
    'key', 'i-' || $3 || n, host('127.99.0.0'::inet + n), true, true
from generate_series(1, $1) n
"""
_GRIDS = """
insert into grids (id, account_id, signup_id, subscription_id, plan, pool, region, port, story, wanted, stage,
    stage_since, created_at, proved_at, proof_seconds, host_id, address, sealed_identity, dns_name, bucket, lent_until,
    look_at, probe_at, storage_tub, stored_bytes, stored_objects, measured_at, measure_at, told_bytes, told_at)
select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'personal', h.pool, h.region,
    10000 + 2 * n, '{}', 'ready', 'ready', h.ready_at, h.ready_at, h.ready_at, 0.5, h.id, h.address, 'sealed',
    'g.grids.test', 'bucket', h.lend_at + interval '30 minutes', now() + $2::interval * random(),
    now() + $3::interval * random(), 'tub', 10 ^ 9, 1000, now(), now() + interval '12 hours' * (1 + random()), 10 ^ 9,
    now()
from hosts h cross join generate_series(1, h.capacity) n where h.pool = $1
"""
_SPREAD = (timedelta(seconds=20), timedelta(minutes=5), timedelta(minutes=10))
_LOOKS, _PROBES = timedelta(minutes=5), timedelta(hours=6)


async def fill(pool: Pool, name: str, region: str, *, hosts: int, grids_each: int) -> None:
    """The pool of this name has so many hosts, full of grids that are ready."""
    await pool.execute(_HOSTS, hosts, grids_each, name, region, *_SPREAD)
    await pool.execute(_GRIDS, name, _LOOKS, _PROBES)
    await pool.execute("insert into breakers (region, since) values ($1, now()) on conflict do nothing", region)
    for table in ("hosts", "grids"):
        await pool.execute(f"analyze {table}")

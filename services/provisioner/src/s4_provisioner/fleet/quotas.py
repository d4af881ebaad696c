"""What AWS lets the account have yet: asked for by one replica now and then, and kept for all."""

from datetime import timedelta

import msgspec

from s4_aws.quotas import Quotas
from s4_runtime import Clock, Permanent, Temporary, get_logger
from s4_store import Pool, Transaction

_EVERY = timedelta(minutes=5)
_TURN = """
insert into quotas_seen (region, look_at) values ($1, $2)
on conflict (region) do update set look_at = $2 where quotas_seen.look_at <= $3 returning true
"""


class Allowed(msgspec.Struct, frozen=True):
    """How many more virtual processors and buckets there may be; None is unknown."""

    vcpus: int | None = None
    buckets: int | None = None


async def seen(source: Pool | Transaction, region: str) -> Allowed | None:
    """What was last seen of the region; None while nobody has looked yet."""
    sql = "select vcpus, buckets from quotas_seen where region = $1 and seen_at is not null"
    row = await source.fetchrow(sql, region)
    return Allowed(row["vcpus"], row["buckets"]) if row else None


async def look(pool: Pool, quotas: Quotas, region: str, clock: Clock) -> None:
    """AWS was asked, if it was our turn. What it does not say is unknown."""
    now = clock.now()
    if not await pool.fetchval(_TURN, region, now + _EVERY, now):
        return
    try:
        vcpus, buckets = (await quotas.vcpus()).room, (await quotas.buckets()).room
    except (Temporary, Permanent) as trouble:
        get_logger().warning("quotas.unknown", region=region, trouble=str(trouble))
        vcpus, buckets = None, None
    sql = "update quotas_seen set vcpus = $2, buckets = $3, seen_at = $4 where region = $1"
    await pool.execute(sql, region, vcpus, buckets, now)

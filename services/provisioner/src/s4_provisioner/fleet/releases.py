"""Which release a pool's new hosts have: that of the settings, or the one that a rollout since then has brought."""

from datetime import datetime

import msgspec

from s4_provisioner.fleet.pools import Pool
from s4_store import Pool as Database
from s4_store import Transaction


async def current(source: Database | Transaction, name: str, pool: Pool) -> Pool:
    """The pool as its hosts are to be made now. What a rollout brought holds until the settings say something new."""
    sql = "select release from releases where pool = $1 and instead_of = $2"
    found = await source.fetchval(sql, name, pool.image)
    return msgspec.structs.replace(pool, image=found) if found else pool


async def keep(tx: Transaction, name: str, pool: Pool, release: str, now: datetime) -> None:
    """New hosts of the pool have this release from now on. ``pool`` is as in the settings."""
    await tx.execute(
        "insert into releases (pool, release, instead_of, since) values ($1, $2, $3, $4)"
        " on conflict (pool) do update set release = $2, instead_of = $3, since = $4",
        *(name, release, pool.image, now),
    )

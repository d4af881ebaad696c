"""What a converger has in hand stays its own for as long as it works on it, and not a moment longer."""

import asyncio

from s4_provisioner.tools import Tools
from s4_runtime import Temporary
from s4_store import LeaseLost, Leases, Pool


async def keep(leases: Leases, pool: Pool, key: str, token: str, tools: Tools) -> None:
    """The lease goes on. Raises LeaseLost once it is somebody else's, or may be because the database cannot be asked.

    A replica that is cut off from the database must not go on acting on what another one has taken over.
    """
    clock, lease = tools.clock, tools.settings.lease
    ends_at = clock.monotonic() + lease.total_seconds()
    while True:
        await clock.sleep(lease.total_seconds() / 3)
        began_at = clock.monotonic()
        try:
            async with asyncio.timeout(max(0, ends_at - began_at)):
                is_mine = await leases.extend(pool, key, token, lease, clock.now())
        except (Temporary, TimeoutError):
            is_mine = clock.monotonic() < ends_at
        else:
            ends_at = began_at + lease.total_seconds()
        if not is_mine:
            raise LeaseLost

"""What a converger has in hand stays its own for as long as it works on it, and not a moment longer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from s4_provisioner.tools import Tools
from s4_runtime import Temporary, get_logger
from s4_store import LeaseLost, Leases, Pool

_TROUBLED = timedelta(seconds=1)


async def under_lease(
    leases: Leases,
    pool: Pool,
    key: str,
    token: str,
    *,
    tools: Tools,
    step: Callable[[str, str], Awaitable[bool]],
    kind: str,
) -> None:
    """``step`` was done for as long as it said to go on and the lease was ours; it is given the key and the token."""
    try:
        async with asyncio.TaskGroup() as both:
            keeping = both.create_task(keep(leases, pool, key, token, tools))
            while await step(key, token):
                pass
            keeping.cancel()
    except* Temporary as group:
        # Another one has it, or the database is away: what was being done is dropped, and will be done again.
        codes = [str(trouble) for trouble in group.exceptions]
        get_logger().warning(f"{kind}.let-go", codes=codes, **{kind: key})
        with suppress(Temporary):  # if it is still ours, nobody waits until the lease ends
            await leases.release(pool, key, token, tools.clock.now() + _TROUBLED)


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

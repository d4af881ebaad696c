"""Grids that were made before: what is usual is known from them."""

from datetime import timedelta

from s4_runtime import new_id
from support.web_site import STEPS, RunningSite


async def past_grids(
    site: RunningSite, count: int, seconds: float, *, plan: str = "personal", ago: timedelta = timedelta(hours=1)
) -> None:
    """So many were ready so long ago; each step took so many seconds, and the letter as long."""
    ready = site.clock.now() - ago
    paid = ready - timedelta(seconds=seconds * len(STEPS))
    written = ready + timedelta(seconds=seconds)
    async with site.pool.transaction() as tx:
        for _ in range(count):
            signup = new_id()
            await tx.execute(
                "INSERT INTO journeys (signup_id, account_id, bought_plan, paid_at, ready_at, issued_at, written_at) "
                "VALUES ($1, $2, $3, $4, $5, $5, $6)",
                *(signup, new_id(), plan, paid, ready, written),
            )
            await tx.executemany(
                "INSERT INTO steps (signup_id, step, position, state, attempt, seconds, began_at, said_at) "
                "VALUES ($1, $2, $3, 'done', 1, $4, $5, $5)",
                [(signup, step, place, seconds, paid) for place, step in enumerate(STEPS, start=1)],
            )

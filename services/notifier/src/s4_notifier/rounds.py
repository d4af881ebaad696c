"""The postman's rounds: whenever letters are due, deliver them, several at a time."""

import asyncio
from datetime import timedelta

from s4_notifier import metrics, store
from s4_notifier.postman import Postman
from s4_notifier.store import OwedLetter
from s4_runtime import LOOP_FAILURES, Clock, Temporary, context, finishing, get_logger, last_success, span
from s4_store import LeaseLost, Pool, Wakeup

LOOP = "notifier-post"
# Longer than sending can take (the mailer's own limit), so that no letter is taken over while it is on its way.
LEASE = timedelta(minutes=2)
# Letters that became due by the passing of time, or whose notification was lost, wait at most this long.
ROUND = timedelta(seconds=5)


class Rounds:
    """One replica's share of the post."""

    def __init__(self, pool: Pool, postman: Postman, clock: Clock, concurrency: int) -> None:
        self._pool = pool
        self._postman = postman
        self._clock = clock
        self._concurrency = concurrency

    async def forever(self) -> None:
        """Deliver until cancelled, and then what is in hand. An outage of the database is waited out."""
        async with Wakeup.listen(self._pool.url, store.CHANNEL) as wakeup:
            while True:
                try:
                    while await finishing(self.one()):
                        pass
                    metrics.OLDEST.set(await store.oldest_owed(self._pool, self._clock.now()))
                    last_success(LOOP)
                except Temporary as trouble:
                    LOOP_FAILURES.labels(LOOP, trouble.code).inc()
                    get_logger().warning("post.interrupted", code=trouble.code)
                await wakeup.wait(ROUND)

    async def one(self) -> int:
        """Deliver what is due now, at most as many as may run at once; how many there were."""
        due = await store.claim_letters(self._pool, self._concurrency, LEASE, self._clock.now())
        async with asyncio.TaskGroup() as group:
            for letter, lease in due:
                group.create_task(self._deliver(letter, lease))
        return len(due)

    async def _deliver(self, letter: OwedLetter, lease: str) -> None:
        try:
            cause = context.continued(letter.traceparent)
            with context.bound(cause), span(f"letter {letter.kind}", letter=letter.letter_id):
                await self._postman.deliver(letter, lease)
        except LeaseLost:
            get_logger().warning("letter.taken-over", letter=letter.letter_id)
        except Temporary as trouble:
            get_logger().warning("letter.interrupted", letter=letter.letter_id, code=trouble.code)

"""Letters that an operator wants sent once more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.support import LetterRequested
from s4_notifier import store
from s4_runtime import Clock, derived_id, get_logger
from s4_store import Transaction, notify

A_DAY = 5  # copies of one letter
# What belongs to the letter's text and place is the same; when it is laid out and where it goes are the copy's own.
_COPY = """
INSERT INTO letters (letter_id, copy_of, account_id, kind, grid_id, claim_ref, facts, signup_id, subscription_id, topic,
    revision, rank, happened_at, recipient, matter, issued_at, due_at)
SELECT $1, coalesce(copy_of, letter_id), account_id, kind, grid_id, claim_ref, facts, signup_id, subscription_id, topic,
    revision, rank, happened_at, recipient, matter, $3, $3
FROM letters AS mine WHERE letter_id = $2 AND account_id = $4 AND state <> 'owed' AND $5 > (
    SELECT count(*) FROM letters AS copy WHERE copy.copy_of = coalesce(mine.copy_of, mine.letter_id)
    AND copy.issued_at > $6
)
ON CONFLICT (letter_id) DO NOTHING
"""


class Copies:
    """Where operators' wishes are heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """What is heard of operators."""
        return [on(LetterRequested, self.owe_copy)]

    async def owe_copy(self, event: LetterRequested, tx: Transaction) -> None:
        """A copy is owed, once for each request and a few times a day, unless the letter itself is still to be sent.

        It has an id of its own, because mail servers drop what they have seen; its link ends when the letter's ends.
        """
        copy, now = derived_id("again", event.request_id), self._clock.now()
        since = now - timedelta(days=1)
        done = await tx.execute(_COPY, copy, event.letter_id, now, event.account_id, A_DAY, since)
        if done == "INSERT 0 1":
            await notify(tx, store.CHANNEL)
        else:
            get_logger().info("letter.not-copied", letter=event.letter_id)

"""Which letters are not worth sending any more: asked of the rows at the moment when they could be sent."""

from s4_notifier.kinds import OPTIONAL
from s4_store import Pool

# The topic of a subscription's end: after it nothing about the subscription is news any more.
END = "end"

# Revisions order what billing says of one subscription. Who knows of no revision has only the time to go by.
_OLD = """
    SELECT letter_id FROM letters AS mine WHERE letter_id = ANY($1) AND topic IS NOT NULL AND EXISTS (
        SELECT 1 FROM letters AS other WHERE other.signup_id = mine.signup_id AND other.topic IN (mine.topic, $2)
        AND CASE
            WHEN other.subscription_id = mine.subscription_id
                THEN (other.revision, other.rank) > (mine.revision, mine.rank)
            WHEN other.subscription_id IS NULL OR mine.subscription_id IS NULL
                THEN other.happened_at > mine.happened_at
            ELSE false
        END
    )
"""
# A late bill of a renewal is told twice by billing: its receipt is enough, and nobody shall think that they paid twice.
_TWICE = """
    SELECT letter_id FROM letters AS mine WHERE letter_id = ANY($1) AND kind = 'payment-recovered' AND EXISTS (
        SELECT 1 FROM letters AS receipt WHERE receipt.kind = 'renewed' AND receipt.signup_id = mine.signup_id
        AND receipt.subscription_id = mine.subscription_id AND receipt.revision = mine.revision
        AND receipt.facts -> 'amount' = mine.facts -> 'amount'
    )
"""
# What is said of a grid's state is no news when the state is another one by now, or there is no grid to speak of any
# more. Several losses before the grid was back are one outage, of which one letter tells.
_OVER = """
    SELECT letter_id FROM letters AS mine LEFT JOIN outages USING (grid_id) LEFT JOIN fillings USING (grid_id)
    WHERE letter_id = ANY($1) AND kind IN ('lost', 'recovered', 'filling') AND (
        (kind = 'lost' AND back_at >= happened_at) OR (kind = 'recovered' AND lost_at > happened_at)
        OR (kind = 'filling' AND mark <> (facts ->> 'mark')::integer)
        OR EXISTS (
            SELECT 1 FROM letters AS other WHERE other.signup_id = mine.signup_id AND (
                other.kind = 'deleted' OR (other.kind = 'ended' AND other.facts ->> 'reason' <> 'duplicate')
                OR (other.kind IN ('suspended', 'paused') AND other.happened_at > mine.happened_at)
                OR (mine.kind = 'lost' AND other.kind = 'lost' AND other.state <> 'withdrawn'
                    AND other.happened_at < mine.happened_at AND coalesce(other.happened_at > back_at, true))
            )
        )
    )
"""
# Stopped and running again, to be deleted and deleted: only the newer is so.
_TURNED = """
    SELECT letter_id FROM letters AS mine WHERE letter_id = ANY($1)
    AND kind IN ('paused', 'resumed', 'deletion-scheduled', 'deletion-undone') AND EXISTS (
        SELECT 1 FROM letters AS other WHERE other.signup_id = mine.signup_id AND (
            other.kind = 'deleted' OR ((mine.kind, other.kind) IN (('paused', 'resumed'), ('resumed', 'paused'))
                AND other.happened_at > mine.happened_at)
        )
    )
"""
# What can be done without is not sent to who does not want it, to an address that takes nothing, or about a grid that
# is not served at the moment; and who has the furl is not reminded of it.
_UNWANTED = """
    SELECT letter_id FROM letters AS mine LEFT JOIN readers USING (account_id) LEFT JOIN addressees USING (account_id)
    WHERE letter_id = ANY($1) AND kind = ANY($3) AND (
        NOT coalesce(wants_optional, true)
        OR EXISTS (SELECT 1 FROM undeliverable WHERE undeliverable.email = lower(addressees.email))
        OR (kind = 'reminder' AND EXISTS (SELECT 1 FROM claims WHERE claims.grid_id = mine.grid_id))
        OR EXISTS (
            SELECT 1 FROM letters AS stop WHERE stop.signup_id = mine.signup_id AND (
                stop.kind = 'deleted' OR (stop.kind = 'ended' AND stop.facts ->> 'reason' <> 'duplicate')
                OR (stop.kind IN ('suspended', 'paused') AND NOT EXISTS (
                    SELECT 1 FROM letters AS start WHERE start.signup_id = mine.signup_id
                    AND start.kind IN ('resumed', 'payment-recovered') AND start.happened_at > stop.happened_at
                ))
            )
        )
    )
"""
_ANY = f"{_OLD} UNION {_TWICE} UNION {_OVER} UNION {_TURNED} UNION {_UNWANTED}"


async def needless(pool: Pool, letters: list[str]) -> set[str]:
    """Those of the letters that are old, that another says as well, or that their reader does not want."""
    rows = await pool.fetch(_ANY, letters, END, list(OPTIONAL))
    return {row["letter_id"] for row in rows}

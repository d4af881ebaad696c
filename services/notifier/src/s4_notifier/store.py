"""The notifier's rows, by the questions asked of them."""

from datetime import datetime, timedelta

import msgspec

from s4_contracts.ids import AccountId, GridId, LetterId, SignupId, SubscriptionId
from s4_store import Leases, Pool, Transaction, notify

LETTERS = Leases(table="letters", key="letter_id")
# Where a new or newly deliverable letter is announced to the postman.
CHANNEL = "s4_letters"
# The topic of a subscription's end: after it nothing about the subscription is news any more.
END = "end"

_OWE = """
    INSERT INTO letters (letter_id, account_id, kind, grid_id, claim_ref, facts, signup_id, subscription_id, topic,
        revision, rank, happened_at, issued_at, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT (letter_id) DO NOTHING
"""
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
                OR (other.kind = 'suspended' AND other.happened_at > mine.happened_at)
                OR (mine.kind = 'lost' AND other.kind = 'lost' AND other.state <> 'withdrawn'
                    AND other.happened_at < mine.happened_at AND coalesce(other.happened_at > back_at, true))
            )
        )
    )
"""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is to be told, and, of news, what it is about and how new it is.

    ``rank`` orders news of one revision. News without a ``topic`` never gets old.
    """

    letter_id: LetterId
    account_id: AccountId
    kind: str
    grid_id: GridId | None = None
    claim_ref: str | None = None
    facts: dict[str, str | int | bool | None] = {}
    signup_id: SignupId | None = None
    subscription_id: SubscriptionId | None = None
    topic: str | None = None
    revision: int | None = None
    rank: int = 0
    happened_at: datetime | None = None


class OwedLetter(Letter, frozen=True, kw_only=True):
    """A letter and its address, which is unknown until billing's event arrives. ``attempts`` counts this one too."""

    issued_at: datetime
    attempts: int
    email: str | None
    is_old: bool = False


async def learn_address(tx: Transaction, account: AccountId, email: str, now: datetime) -> None:
    """Letters to the account go to this address from now on; those that waited for it are due."""
    await tx.execute(
        "INSERT INTO addressees (account_id, email) VALUES ($1, $2)"
        " ON CONFLICT (account_id) DO UPDATE SET email = excluded.email",
        account,
        email,
    )
    sql = "UPDATE letters SET due_at = $2 WHERE account_id = $1 AND state = 'owed' AND issued_at <= $2"
    await tx.execute(sql, account, now)


async def owe_letter(tx: Transaction, letter: Letter, due: datetime) -> None:
    """The letter is owed and bears the date when it is due, and the postman knows. Owing it twice changes nothing."""
    facts = msgspec.json.encode(letter.facts).decode()
    columns = msgspec.structs.astuple(msgspec.structs.replace(letter, facts=facts))
    await tx.execute(_OWE, *columns, due)
    await notify(tx, CHANNEL)


async def latest_claim_ref(tx: Transaction, account: AccountId, grid: GridId) -> str | None:
    """The newest furl of the grid that this account was written about."""
    found: str | None = await tx.fetchval(
        "SELECT claim_ref FROM letters WHERE account_id = $1 AND grid_id = $2 AND claim_ref IS NOT NULL"
        " ORDER BY issued_at DESC LIMIT 1",
        account,
        grid,
    )
    return found


async def mark_claimed(tx: Transaction, account: AccountId, claim_ref: str, now: datetime) -> None:
    """The person has the furl: nothing more needs to be said about it."""
    await tx.execute(
        "UPDATE letters SET claimed_at = coalesce(claimed_at, $3) WHERE account_id = $1 AND claim_ref = $2",
        account,
        claim_ref,
        now,
    )


async def claim_letters(pool: Pool, limit: int, ttl: timedelta, now: datetime) -> list[tuple[OwedLetter, str]]:
    """Due letters with their addresses and lease tokens; they are mine for ``ttl``."""
    rows = await LETTERS.claim(pool, limit, ttl, now)
    accounts = [row["account_id"] for row in rows]
    found = await pool.fetch("SELECT account_id, email FROM addressees WHERE account_id = ANY($1)", accounts)
    emails = {row["account_id"]: row["email"] for row in found}
    old = await _needless(pool, [row["letter_id"] for row in rows])
    return [
        (
            msgspec.convert(
                {
                    **row,
                    "facts": msgspec.json.decode(row["facts"]),
                    "email": emails.get(row["account_id"]),
                    "is_old": row["letter_id"] in old,
                },
                OwedLetter,
            ),
            row["lease_token"],
        )
        for row in rows
    ]


async def _needless(pool: Pool, letters: list[str]) -> set[str]:
    """Those of the letters that newer ones have made old, or that another says as well."""
    rows = [
        *await pool.fetch(_OLD, letters, END),
        *await pool.fetch(_TWICE, letters),
        *await pool.fetch(_OVER, letters),
    ]
    return {row["letter_id"] for row in rows}


async def finish(tx: Transaction, letter: LetterId, state: str) -> None:
    """The letter is "sent", "bounced" or "withdrawn" for good."""
    await tx.execute("UPDATE letters SET state = $2, due_at = NULL WHERE letter_id = $1", letter, state)


async def postpone(tx: Transaction, letter: LetterId, due: datetime, *, failed: bool) -> None:
    """Try again at ``due``; unless it ``failed``, the attempt does not count."""
    await tx.execute(
        "UPDATE letters SET due_at = $2, attempts = attempts - $3 WHERE letter_id = $1", letter, due, int(not failed)
    )

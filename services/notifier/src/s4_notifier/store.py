"""The notifier's rows of letters, by the questions asked of them."""

from datetime import datetime, timedelta

import msgspec

from s4_contracts.ids import AccountId, GridId, LetterId, SignupId, SubscriptionId
from s4_notifier.kinds import A_DAY, ASKED_FOR, matter_of
from s4_notifier.needless import END, needless
from s4_runtime import context
from s4_store import Leases, Pool, Record, Transaction, notify

__all__ = ["CHANNEL", "END", "LETTERS", "Letter", "OwedLetter", "claim_letters", "finish", "owe_letter", "postpone"]

LETTERS = Leases(table="letters", key="letter_id")
# Where a new or newly deliverable letter is announced to the postman.
CHANNEL = "s4_letters"

_OWE = """
    INSERT INTO letters (letter_id, account_id, kind, grid_id, claim_ref, facts, signup_id, subscription_id, topic,
        revision, rank, happened_at, recipient, copy_of, matter, opens, traceparent, issued_at,
        due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
    ON CONFLICT (letter_id) DO NOTHING
"""
_READERS = """
    SELECT account_id, email, language FROM addressees FULL JOIN readers USING (account_id) WHERE account_id = ANY($1)
"""
# A letter answers the one that it is a copy of, or the newest before it that opened their matter. What was sent before
# a letter was laid out does not change any more, so that the letter reads the same each time.
_ANSWERED = """
    SELECT DISTINCT ON (mine.letter_id) mine.letter_id, first.letter_id AS first
    FROM letters AS mine JOIN letters AS first ON first.letter_id = mine.copy_of
        OR (first.matter = mine.matter AND first.opens AND first.sent_at <= mine.issued_at
            AND NOT mine.opens AND mine.copy_of IS NULL AND first.letter_id <> mine.letter_id)
    WHERE mine.letter_id = ANY($1) ORDER BY mine.letter_id, first.sent_at DESC
"""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is to be told, and, of news, what it is about and how new it is.

    ``rank`` orders news of one revision. News without a ``topic`` never gets old. ``recipient`` is an address that is
    not the account's.
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
    recipient: str | None = None
    copy_of: LetterId | None = None


class OwedLetter(Letter, frozen=True, kw_only=True):
    """A letter and its address, which is unknown until billing's event arrives. ``attempts`` counts this one too.

    ``answers`` is the letter that opened the matter. ``signed_at`` is when the letter was laid out that its link is of.
    """

    issued_at: datetime
    attempts: int
    email: str | None
    is_old: bool = False
    language: str | None = None
    answers: LetterId | None = None
    signed_at: datetime | None = None
    traceparent: str | None = None


async def owe_letter(tx: Transaction, letter: Letter, due: datetime) -> None:
    """The letter is owed and bears the date when it is due, and the postman knows. Owing it twice changes nothing.

    Of what people ask for they get so many a day.
    """
    if letter.kind in ASKED_FOR and await _count(tx, letter, due - timedelta(days=1)) >= A_DAY:
        return
    facts = msgspec.json.encode(letter.facts).decode()
    columns = msgspec.structs.astuple(msgspec.structs.replace(letter, facts=facts))
    await tx.execute(_OWE, *columns, *matter_of(letter), context.current().traceparent, due)
    await notify(tx, CHANNEL)


async def claim_letters(pool: Pool, limit: int, ttl: timedelta, now: datetime) -> list[tuple[OwedLetter, str]]:
    """Due letters with their addresses and lease tokens; they are mine for ``ttl``."""
    rows = await LETTERS.claim(pool, limit, ttl, now)
    letters = [row["letter_id"] for row in rows]
    found = await pool.fetch(_READERS, [row["account_id"] for row in rows])
    readers = {row["account_id"]: {"email": row["email"], "language": row["language"]} for row in found}
    originals = [row["copy_of"] for row in rows if row["copy_of"]]
    signed = await pool.fetch("SELECT letter_id, issued_at FROM letters WHERE letter_id = ANY($1)", originals)
    signed_at = {row["letter_id"]: row["issued_at"] for row in signed}
    answered = {row["letter_id"]: row["first"] for row in await pool.fetch(_ANSWERED, letters)}
    old = await needless(pool, letters)
    return [
        (
            _owed(
                row,
                {
                    "email": None,
                    **readers.get(row["account_id"], {}),
                    "is_old": row["letter_id"] in old,
                    "answers": answered.get(row["letter_id"]),
                    "signed_at": signed_at.get(row["copy_of"]),
                },
            ),
            row["lease_token"],
        )
        for row in rows
    ]


async def oldest_owed(pool: Pool, now: datetime) -> float:
    """For how many seconds the oldest letter has been owed that is still to be sent and was due; 0 without one."""
    sql = "SELECT min(issued_at) FROM letters WHERE state = 'owed' AND issued_at <= $1"
    oldest: datetime | None = await pool.fetchval(sql, now)
    return (now - oldest).total_seconds() if oldest else 0.0


async def finish(tx: Transaction, letter: LetterId, state: str) -> None:
    """The letter is "sent", "bounced" or "withdrawn" for good."""
    await tx.execute("UPDATE letters SET state = $2, due_at = NULL WHERE letter_id = $1", letter, state)


async def note_sent(tx: Transaction, letter: LetterId, address: str, now: datetime) -> None:
    """A mail server has it, for that address."""
    await finish(tx, letter, "sent")
    await tx.execute("UPDATE letters SET sent_to = $2, sent_at = $3 WHERE letter_id = $1", letter, address, now)


async def note_bounced(tx: Transaction, letter: LetterId, code: str) -> None:
    """It will not arrive."""
    await finish(tx, letter, "bounced")
    await tx.execute("UPDATE letters SET code = $2 WHERE letter_id = $1", letter, code)


async def postpone(tx: Transaction, letter: LetterId, due: datetime, *, failed: bool) -> None:
    """Try again at ``due``; unless it ``failed``, the attempt does not count."""
    await tx.execute(
        "UPDATE letters SET due_at = $2, attempts = attempts - $3 WHERE letter_id = $1", letter, due, int(not failed)
    )


def _owed(row: Record, known: dict[str, object]) -> OwedLetter:
    said = {**row, **known, "facts": msgspec.json.decode(row["facts"])}
    return msgspec.convert({**said, "email": row["recipient"] or said["email"]}, OwedLetter)


async def _count(tx: Transaction, letter: Letter, since: datetime) -> int:
    sql = "SELECT count(*) FROM letters WHERE account_id = $1 AND kind = $2 AND issued_at > $3 AND letter_id <> $4"
    found: int = await tx.fetchval(sql, letter.account_id, letter.kind, since, letter.letter_id)
    return found

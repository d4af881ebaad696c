"""What becomes of a letter, and of its address, when a report about it came back."""

from datetime import datetime

from s4_contracts.ids import LetterId
from s4_contracts.notifier import LetterBounced, LetterComplained
from s4_notifier import readers
from s4_notifier.returns.reports import Report
from s4_runtime import Temporary
from s4_store import Pool, Record, Transaction

_LETTER = """
SELECT letter_id, account_id, kind, state, sent_to, complained_at FROM letters WHERE letter_id = $1 FOR NO KEY UPDATE
"""


class NotSentYet(Temporary):
    """A mail server speaks of a letter that it has, and we have not noted yet that it has it."""


async def apply(pool: Pool, letter: LetterId, report: Report, now: datetime) -> str:
    """What the report says holds from now on, and is told once. A word for what became of it. Raises NotSentYet."""
    if report.outcome not in {"failed", "complained"}:
        return report.outcome
    async with pool.transaction() as tx:
        row = await tx.fetchrow(_LETTER, letter)
        if row is None:
            return "no-letter"
        if row["state"] == "owed":
            raise NotSentYet("letter-not-sent-yet", letter=letter)
        if report.outcome == "failed":
            return await _failed(tx, row, report, now)
        return await _complained(tx, row, now)


async def _failed(tx: Transaction, row: Record, report: Report, now: datetime) -> str:
    if row["state"] != "sent":
        return "told-before"
    sql = "UPDATE letters SET state = 'bounced', code = $2 WHERE letter_id = $1"
    await tx.execute(sql, row["letter_id"], report.status)
    if report.is_about_address and row["sent_to"]:
        await readers.mark_undeliverable(tx, row["sent_to"], report.status, now)
    event = LetterBounced(
        occurred_at=now,
        account_id=row["account_id"],
        letter_id=row["letter_id"],
        kind=row["kind"],
        code=report.status,
    )
    await tx.emit(event, key=f"letter-bounced:{row['letter_id']}")
    return "failed"


async def _complained(tx: Transaction, row: Record, now: datetime) -> str:
    if row["complained_at"] is not None:
        return "told-before"
    await tx.execute("UPDATE letters SET complained_at = $2 WHERE letter_id = $1", row["letter_id"], now)
    await readers.choose_optional(tx, row["account_id"], now, wanted=False)
    event = LetterComplained(
        occurred_at=now, account_id=row["account_id"], letter_id=row["letter_id"], kind=row["kind"]
    )
    await tx.emit(event, key=f"letter-complained:{row['letter_id']}")
    return "complained"

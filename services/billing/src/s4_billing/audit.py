"""What people did, and why. Rows are only ever added."""

import json
from datetime import datetime
from typing import Any

from s4_store import Pool, Transaction


async def note(tx: Transaction, now: datetime, who: str, what: str, account_id: str | None, **facts: object) -> None:
    """It is on record, together with what ``tx`` does, that this person did it."""
    sql = "insert into audit (at, who, what, account_id, facts) values ($1, $2, $3, $4, $5)"
    await tx.execute(sql, now, who, what, account_id, json.dumps(facts, sort_keys=True))


async def latest(pool: Pool, limit: int) -> list[dict[str, Any]]:
    """What was done last, newest first."""
    rows = await pool.fetch("select at, who, what, account_id, facts from audit order by id desc limit $1", limit)
    return [{**row, "facts": json.loads(row["facts"])} for row in rows]

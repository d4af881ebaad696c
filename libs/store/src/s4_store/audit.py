"""What people did, and why. Rows are only ever added."""

import json
import re
from datetime import datetime
from typing import Any

from s4_store.pool import Pool
from s4_store.transaction import Transaction

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class Audit:
    """The table ``audit`` (at, who, what, facts, and one column that says about whom or what it was)."""

    def __init__(self, *, about: str) -> None:
        if not _IDENTIFIER.fullmatch(about):
            raise ValueError("about is a plain SQL name")
        self._note = f"insert into audit (at, who, what, {about}, facts) values ($1, $2, $3, $4, $5)"  # noqa: S608  as above
        self._latest = f"select at, who, what, {about}, facts from audit order by id desc limit $1"  # noqa: S608  as above

    async def note(
        self, tx: Transaction, now: datetime, who: str, what: str, about: str | None, **facts: object
    ) -> None:
        """It is on record, together with what ``tx`` does, that this person did it."""
        await tx.execute(self._note, now, who, what, about, json.dumps(facts, sort_keys=True))

    async def latest(self, pool: Pool, limit: int) -> list[dict[str, Any]]:
        """What was done last, newest first."""
        rows = await pool.fetch(self._latest, limit)
        return [{**row, "facts": json.loads(row["facts"])} for row in rows]

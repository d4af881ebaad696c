"""Two calls for what removes something or touches much: the first shows what would be done, the second has it done."""

import secrets
from datetime import datetime, timedelta

from s4_provisioner.operator.asking import Act, Answer, Wish
from s4_runtime.refusals import NotNow
from s4_store import Transaction

LASTING = timedelta(minutes=15)
LASTING_FOR_ANOTHER = timedelta(hours=24)
_KEPT = timedelta(days=30)


async def confirmed(act: Act, wish: Wish, would: Answer, *, stamp: str, by_another: bool = False) -> Answer | None:
    """None when the deed may be done now, once; else what to show, with a code for the call that has it done.

    ``stamp``: what must not have changed between the two. Raises NotNow.
    """
    if wish.dry_run:
        return {"would": would}
    if wish.confirm is None:
        code, ends_at = secrets.token_hex(4), act.now + (LASTING_FOR_ANOTHER if by_another else LASTING)
        await act.tx.execute("delete from confirmations where ends_at < $1", act.now - _KEPT)
        await act.tx.execute(
            "insert into confirmations (code, what, about, stamp, asked_by, asked_at, ends_at, by_another)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8)",
            *(code, act.what, act.about, stamp, act.who, act.now, ends_at, by_another),
        )
        return {"would": would, "confirm": code, "until": ends_at, "by_another": by_another}
    await _use(act, wish.confirm, stamp, by_another=by_another)
    return None


async def _use(act: Act, code: str, stamp: str, *, by_another: bool) -> None:
    sql = "select * from confirmations where code = $1 and what = $2 and about = $3 for update"
    row = await act.tx.fetchrow(sql, code, act.what, act.about)
    if row is None:
        raise NotNow("no-such-confirmation")
    if row["used_at"] is not None:
        raise NotNow("confirmation-used")
    if row["ends_at"] <= act.now:
        raise NotNow("confirmation-ended")
    if row["stamp"] != stamp:
        raise NotNow("changed-meanwhile")
    if (row["by_another"] or by_another) and row["asked_by"] == act.who:
        raise NotNow("needs-another-operator")
    await act.tx.execute("update confirmations set used_at = $2 where code = $1", code, act.now)


async def alone_lately(tx: Transaction, what: str, who: str, since: datetime) -> int:
    """How often somebody had this done by their own decision."""
    sql = "select count(*) from confirmations where what = $1 and asked_by = $2 and not by_another and used_at > $3"
    found: int = await tx.fetchval(sql, what, who, since)
    return found

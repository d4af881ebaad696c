"""What the owner of a grid chose, in rows. A choice of a lower revision than one heard before changes nothing."""

from datetime import datetime

from s4_contracts.ids import GridId
from s4_contracts.web import ErasureChosen, PauseChosen
from s4_provisioner import news, store
from s4_provisioner.erasure import Ending
from s4_provisioner.grids import present
from s4_store import Transaction

_ENDING = ", ".join(Ending.__struct_fields__)


async def pause(tx: Transaction, event: PauseChosen, now: datetime) -> bool:
    """The grid is not to be served, or as billing says again; whether that is another thing than before."""
    was = await tx.fetchrow(
        "select paused, pause_revision, wanted from grids where id = $1 for no key update", event.grid_id
    )
    if was is None or was["pause_revision"] >= event.revision or was["wanted"] == "absent":
        return False
    await tx.execute(
        "update grids set paused = $2, pause_revision = $3,"
        " suspended_at = case when $2 then coalesce(suspended_at, $4) else suspended_at end where id = $1",
        *(event.grid_id, event.paused, event.revision, now),
    )
    return bool(was["paused"] != event.paused)


async def erase(tx: Transaction, event: ErasureChosen, at: datetime) -> bool:
    """Everything is to be deleted at that time, or as promised again; whether that is news of a grid that is there."""
    chosen = (event.occurred_at, at) if event.wanted else (None, None)
    return bool(
        await tx.fetchval(
            "update grids set erasure_revision = $2, erasure_chosen_at = $3, erase_at = $4"
            " where id = $1 and erasure_revision < $2 and wanted <> 'absent' returning true",
            *(event.grid_id, event.revision, *chosen),
        )
    )


async def note_return(tx: Transaction, grid_id: GridId, at: datetime) -> None:
    """What was chosen before that counts no more, in whatever order it is heard."""
    await tx.execute("update grids set resumed_at = greatest(resumed_at, $2) where id = $1", grid_id, at)


async def settle(tx: Transaction, grid_id: GridId, now: datetime) -> bool:
    """The day of deletion follows from what is on record, and is told where the owner's choice has to do with it.

    Whether it is another one than before. The row is locked.
    """
    row = present(
        await tx.fetchrow(
            f"select {_ENDING}, delete_after, is_erasure from grids where id = $1 for no key update",  # noqa: S608  names of ours
            grid_id,
        )
    )
    ending = Ending(**{name: row[name] for name in Ending.__struct_fields__})
    was, now_is = (row["delete_after"], row["is_erasure"]), (ending.delete_after, ending.is_erasure)
    if was == now_is:
        return False
    sql = "update grids set delete_after = $2, is_erasure = $3 where id = $1"
    await tx.execute(sql, grid_id, *now_is)
    if ending.delete_after is not None and (row["is_erasure"] or ending.is_erasure):
        count = "update grids set deletions_told = deletions_told + 1 where id = $1 returning deletions_told"
        revision = present(await tx.fetchval(count, grid_id))
        grid = present(await store.grid(tx, grid_id))
        await news.tell_deletion(tx, grid, by_owner=ending.is_erasure, revision=revision, now=now)
    return True

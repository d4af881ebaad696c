"""What is written down about a grid that is being removed."""

from datetime import datetime

from s4_contracts.ids import GridId
from s4_store import Transaction


async def count(tx: Transaction, grid_id: GridId, objects: int, up_to: str) -> None:
    """So many more objects are to be removed, the last of them the one with this key."""
    await tx.execute(
        "update grids set objects = objects + $2, counted_to = $3 where id = $1", *(grid_id, objects, up_to)
    )


async def forget(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """No secret of the grid is left."""
    await tx.execute(
        "update hosts set sealed_host_key = null, host_key = null where id = (select host_id from grids where id = $1)",
        grid_id,
    )
    await tx.execute("update grids set sealed_identity = null, deleted_at = $2 where id = $1", grid_id, now)

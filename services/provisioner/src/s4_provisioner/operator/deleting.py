"""A grid is removed by an operator: shown first, done by a second call, by another operator where much is at stake."""

from datetime import timedelta

from s4_provisioner import moves
from s4_provisioner.fleet import store as hosts
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.operator.asking import Act, Answer, Wish, locked_grid
from s4_provisioner.operator.confirming import alone_lately, confirmed
from s4_runtime import context
from s4_runtime.refusals import NotNow

_TOGETHER = timedelta(days=1)


class Deletion(Wish, frozen=True, kw_only=True):
    """``force``: also a grid whose subscription has not ended, and that nobody holds."""

    force: bool = False


def needs_another(*, force: bool, stored_bytes: int | None, alone: int, bytes_alone: int, grids_alone: int) -> bool:
    """Whether one operator may not decide this: too much is stored, too many went lately, or the grid is in use.

    What is stored and was never measured counts as too much.
    """
    return force or stored_bytes is None or stored_bytes > bytes_alone or alone >= grids_alone


async def delete(act: Act, wish: Deletion) -> Answer:
    """Nothing of the grid is to be left, its bucket with everything in it included. Raises NotNow."""
    grid = await locked_grid(act)
    if grid.wanted is Wanted.ABSENT:
        return {"grid": grid.id, "stage": grid.stage, "is_removed": grid.stage is Stage.ABSENT}
    if grid.frozen:
        raise NotNow("payment-contested")
    may = grid.held or grid.delete_after is not None
    if not may and not wish.force:
        raise NotNow("grid-in-use")
    stored = await act.tx.fetchrow("select stored_bytes, stored_objects from grids where id = $1", grid.id)
    limits = act.tools.settings
    waits = await confirmed(
        act,
        wish,
        await _would(act, grid, dict(stored or {})),
        stamp=f"{grid.wishes} {wish.force}",
        by_another=needs_another(
            force=not may,
            stored_bytes=stored["stored_bytes"] if stored else None,
            alone=await alone_lately(act.tx, act.what, act.who, act.now - _TOGETHER),
            bytes_alone=limits.delete_alone_bytes,
            grids_alone=limits.delete_alone_grids,
        ),
    )
    if waits is not None:
        return waits
    await act.tx.execute("update grids set held = false where id = $1", grid.id)
    with context.bound(context.from_headers(grid.story)):
        await moves.want_removed(act.tx, grid, act.now)
    return {"grid": grid.id, "stage": grid.stage, "is_removed": False}


async def _would(act: Act, grid: Grid, stored: Answer) -> Answer:
    left = await hosts.left_hosts(act.tx, grid.id)
    return {
        "grid": grid.id,
        "account": grid.account_id,
        "stage": grid.stage,
        "bucket": grid.bucket,
        **stored,
        "name": grid.dns_name,
        "hosts": sorted({*(host.id for host, _ in left), *([grid.host.id] if grid.host else [])}),
        "kept_until": grid.delete_after,
    }

"""What the others are told about a grid: composed here, emitted in the transaction that makes it true."""

from datetime import datetime
from typing import Any, Literal

from s4_contracts.ids import HostId
from s4_contracts.provisioner import (
    DeletionScheduled,
    FurlIssued,
    GridDeleted,
    GridProved,
    GridResumed,
    GridSuspended,
    InstanceLost,
    InstanceReady,
    InstanceRecovered,
    ProvisioningFailed,
    ProvisioningProgressed,
)
from s4_provisioner import names
from s4_provisioner.grids import Grid, host_of, present
from s4_provisioner.lifecycle import TOTAL, UP, Stage, position
from s4_store import Transaction


def _about(grid: Grid, now: datetime) -> dict[str, Any]:
    return {"occurred_at": now, "account_id": grid.account_id, "signup_id": grid.signup_id, "grid_id": grid.id}


async def tell_progress(
    tx: Transaction,
    grid: Grid,
    step: Stage,
    state: Literal["started", "done", "retrying"],
    now: datetime,
    *,
    next_try_at: datetime | None = None,
) -> None:
    """A step began, ended, or failed and will be tried again. Told until the grid is ready for the first time."""
    if grid.proved_at is not None or step not in UP:
        return
    await tx.emit(
        ProvisioningProgressed(
            **_about(grid, now),
            step=step.value,
            state=state,
            position=position(step),
            total=TOTAL,
            attempt=max(grid.attempts, 1),
            seconds=round((now - grid.stage_since).total_seconds(), 3) if state == "done" else None,
            next_try_at=next_try_at,
        )
    )


async def tell_ready(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The grid works, and its furl can be claimed. Told once for each furl, however often this runs."""
    reference = names.claim_ref(grid.id, grid.furl_generation)
    ready = InstanceReady(
        **_about(grid, now),
        host_id=host_of(grid).id,
        region=grid.region,
        proved_at=present(grid.proved_at),
        proof_seconds=present(grid.proof_seconds),
    )
    await tx.emit(ready, key=reference)
    await tx.emit(FurlIssued(**_about(grid, now), claim_ref=reference), key=reference)


async def tell_failed(tx: Transaction, grid: Grid, code: str, now: datetime) -> None:
    """No further try follows by itself. Told once for each time that a person was needed."""
    failed = ProvisioningFailed(**_about(grid, now), step=grid.stage.value, code=code, final=True)
    await tx.emit(failed, key=f"{grid.id}:{grid.failures + 1}")


async def tell_suspended(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The grid is not served, and complete."""
    await tx.emit(GridSuspended(**_about(grid, now), reason=grid.stops_for))


async def tell_resumed(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The grid works again by the furl that it had."""
    await tx.emit(GridResumed(**_about(grid, now), proved_at=present(grid.proved_at)))


async def tell_proved(tx: Transaction, grid: Grid, now: datetime) -> None:
    """A real client has used the grid again."""
    proved_at, seconds = present(grid.proved_at), present(grid.proof_seconds)
    await tx.emit(GridProved(**_about(grid, now), proved_at=proved_at, seconds=seconds))


async def tell_deletion(tx: Transaction, grid: Grid, *, by_owner: bool, revision: int, now: datetime) -> None:
    """Everything is deleted on another day than was told before."""
    delete_at = present(grid.delete_after)
    await tx.emit(DeletionScheduled(**_about(grid, now), delete_at=delete_at, by_owner=by_owner, revision=revision))


async def tell_deleted(tx: Transaction, grid: Grid, now: datetime) -> None:
    """Nothing is left of the grid. Told once for ever."""
    await tx.emit(GridDeleted(**_about(grid, now), objects=grid.objects), key=grid.id)


async def tell_lost(tx: Transaction, grid: Grid, host_id: HostId, code: str, now: datetime) -> None:
    """The grid is not served for the moment. Told once for each host that was lost."""
    lost = InstanceLost(**_about(grid, now), host_id=host_id, code=code)
    await tx.emit(lost, key=f"{grid.id}:{host_id}")


async def tell_recovered(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The grid works again, on another host. Told once for each loss."""
    recovered = InstanceRecovered(
        **_about(grid, now),
        host_id=host_of(grid).id,
        proved_at=present(grid.proved_at),
        seconds=round((now - present(grid.lost_at)).total_seconds(), 3),
    )
    await tx.emit(recovered, key=f"{grid.id}:{present(grid.lost_host)}:recovered")

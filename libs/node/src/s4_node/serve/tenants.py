"""Many grids in one process: what is in their directory is served, and nothing else."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.logger import Logger

from s4_node.serve.condition import Condition
from s4_node.serve.tenant import Tenant

_log = Logger()
Change = Literal["added", "restarted", "retried", "kept", "removed"]


class Tenants:
    """The grids of `grids`/GRID_ID. `tenant` makes one of its id and directory."""

    def __init__(self, grids: Path, tenant: Callable[[str, Path], Tenant]) -> None:
        self._grids, self._tenant = grids, tenant
        self._tenants: dict[str, Tenant] = {}
        self._applying = DeferredLock()

    def conditions(self) -> Mapping[str, Condition]:
        """How each grid is, by its id."""
        return {grid_id: tenant.condition for grid_id, tenant in sorted(self._tenants.items())}

    def apply(self) -> "Deferred[dict[str, Change]]":
        """What is in the directory is served: what each grid needed for that, once each was tried."""
        applied: Deferred[dict[str, Change]] = self._applying.run(lambda: Deferred.fromCoroutine(self._apply()))
        return applied.addCallback(lambda changes: Deferred.fromCoroutine(self._tried(changes)))

    async def stop(self) -> None:
        """No grid is served."""
        await _all(tenant.stop() for tenant in self._tenants.values())
        self._tenants.clear()

    async def _apply(self) -> dict[str, Change]:
        present = {path.name: path for path in self._grids.iterdir() if path.is_dir() and path.name[0] != "."}
        changes = {grid_id: self._change(grid_id, present) for grid_id in present.keys() | self._tenants.keys()}
        leaving = [grid_id for grid_id, change in changes.items() if change in {"removed", "restarted", "retried"}]
        await _all(self._leave(grid_id, changes[grid_id]) for grid_id in leaving)
        for grid_id, change in sorted(changes.items()):
            if change in {"added", "restarted", "retried"}:
                self._tenants[grid_id] = self._tenant(grid_id, present[grid_id])
                self._tenants[grid_id].start()
        return changes

    async def _tried(self, changes: dict[str, Change]) -> dict[str, Change]:
        await _all(self._tenants[grid_id].tried() for grid_id in changes.keys() & self._tenants.keys())
        return changes

    def _change(self, grid_id: str, present: Mapping[str, Path]) -> Change:
        tenant = self._tenants.get(grid_id)
        if tenant is None:
            return "added"
        if grid_id not in present:
            return "removed"
        if tenant.is_as_configured:
            return "kept"
        return "restarted" if tenant.condition.state == "serving" else "retried"

    def _leave(self, grid_id: str, why: Change) -> "Deferred[None]":
        _log.info("grid.closed", grid=grid_id, why=why)
        return self._tenants.pop(grid_id).stop()


async def _all(work: "Iterable[Deferred[None]]") -> None:
    await DeferredList([*work])

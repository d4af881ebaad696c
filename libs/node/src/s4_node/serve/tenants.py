"""Many grids in one process: what is in their directory is served, and nothing else."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.logger import Logger

from s4_node.serve.condition import Condition
from s4_node.serve.tenant import Tenant

_log = Logger()
T = TypeVar("T")
GRID_NAME = re.compile(r"[^./][^/]*")  # of a directory; those that begin with a dot are somebody else's affair
Change = Literal["added", "restarted", "retried", "kept", "removed"]


class Tenants:
    """The grids of `grids`/GRID_ID. `tenant` makes one of its id and directory."""

    def __init__(self, grids: Path, tenant: Callable[[str, Path], Tenant]) -> None:
        self._grids, self._tenant = grids, tenant
        self._tenants: dict[str, Tenant] = {}
        self._applying = DeferredLock()
        self._turns: dict[str, DeferredLock] = {}  # one change at a time of each grid

    def conditions(self, only: str | None = None) -> Mapping[str, Condition]:
        """How each grid is, by its id, or the one that is asked for."""
        found = self._tenants if only is None else {grid: self._tenants[grid] for grid in {only} & self._tenants.keys()}
        return {grid_id: tenant.condition for grid_id, tenant in sorted(found.items())}

    def apply(self) -> "Deferred[dict[str, Change]]":
        """What is in the directory is served: what each grid needed for that, once each was tried."""
        applied: Deferred[dict[str, Change]] = self._applying.run(lambda: Deferred.fromCoroutine(self._apply()))
        return applied.addCallback(lambda changes: Deferred.fromCoroutine(self._tried(changes)))

    def apply_one(self, grid_id: str) -> "Deferred[dict[str, Change]]":
        """The same for one grid: it was closed if it had to be, and is about to be tried."""
        turn = self._turns.setdefault(grid_id, DeferredLock())
        return turn.run(lambda: Deferred.fromCoroutine(self._apply_to(grid_id)))

    async def stop(self) -> None:
        """No grid is served."""
        await _all(tenant.stop() for tenant in self._tenants.values())
        self._tenants.clear()

    async def _apply(self) -> dict[str, Change]:
        """Those that go are gone, with their ports, before others come."""
        present = {path.name for path in self._grids.iterdir() if path.is_dir() and path.name[0] != "."}
        changes: dict[str, Change] = {}
        done: dict[str, Change]
        for some in (self._tenants.keys() - present, present):
            for done in await _all(self.apply_one(grid_id) for grid_id in sorted(some)):
                changes |= done
        return changes

    async def _apply_to(self, grid_id: str) -> dict[str, Change]:
        home, tenant = self._grids / grid_id, self._tenants.get(grid_id)
        is_present = GRID_NAME.fullmatch(grid_id) is not None and home.is_dir()
        change = _change(tenant, is_present=is_present)
        if tenant is not None and change not in {None, "kept"}:
            _log.info("grid.closed", grid=grid_id, why=change)
            del self._tenants[grid_id]
            await tenant.stop()
        if is_present and change != "kept":
            self._tenants[grid_id] = self._tenant(grid_id, home)
            self._tenants[grid_id].start()
        if not is_present and not self._turns[grid_id].waiting:
            del self._turns[grid_id]
        return {} if change is None else {grid_id: change}

    async def _tried(self, changes: dict[str, Change]) -> dict[str, Change]:
        await _all(self._tenants[grid_id].tried() for grid_id in changes.keys() & self._tenants.keys())
        return changes


def _change(tenant: Tenant | None, *, is_present: bool) -> Change | None:
    """What the grid needs; None for one that is not there in any way."""
    if tenant is None:
        return "added" if is_present else None
    if not is_present:
        return "removed"
    if tenant.is_as_configured:
        return "kept"
    return "restarted" if tenant.condition.state == "serving" else "retried"


async def _all(work: "Iterable[Deferred[T]]") -> list[T]:
    """What came of each that did not fail."""
    return [answer for is_fine, answer in await DeferredList([*work], consumeErrors=True) if is_fine]

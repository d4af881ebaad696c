"""Keeps the parts of one state folder running: `python -m s4_shop.supervisor FOLDER`.

It holds nothing that a file does not say: the plan is read from `run/plan.json` whenever that changes, processes are
found again by their pid files. Killed at any moment, it loses no part; the next one adopts them. It never stops the
shop: `s4_shop.control.down` does, after ending the supervisor.
"""

import asyncio
import os
import sys
from pathlib import Path

from s4_shop import plan, processes, status
from s4_shop.folder import StateFolder
from s4_shop.keeper import Keeper
from s4_shop.plan import Part
from s4_shop.status import PartStatus
from s4_shop.version import note_version

_TICK = 0.2  # seconds between two looks at the plan


class Supervisor:
    """One keeper for each part of the plan."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._known = status.load(folder.status)

    async def forever(self) -> None:
        """Follow the plan file; when somebody has removed the whole folder, end what ran in it."""
        seen = 0
        async with asyncio.TaskGroup() as group:
            while True:
                if not self._folder.run.exists():
                    await self._abandon()
                    return
                now = self._folder.plan.stat().st_mtime_ns if self._folder.plan.exists() else 0
                if now != seen:
                    seen = now
                    await self._follow(plan.load(self._folder.plan), group)
                    processes.remember(os.getpid(), self._folder.following)
                await asyncio.sleep(_TICK)

    async def _follow(self, parts: list[Part], group: asyncio.TaskGroup) -> None:
        wanted = {part.name: part for part in parts}
        changed = [name for name, keeper in self._keepers.items() if keeper.part != wanted.get(name)]
        for name in changed:
            self._tasks.pop(name).cancel()
            await asyncio.to_thread(self._keepers.pop(name).end)
        new = [part for part in parts if part.name not in self._keepers]
        for part in new:
            known = self._known.get(part.name, PartStatus())
            self._keepers[part.name] = Keeper(part, self._folder, known, self._show)
        for part in new:
            self._keepers[part.name].adopt(self._keepers)
        self._show()
        for part in new:
            keeping = self._keepers[part.name].keep(self._keepers)
            self._tasks[part.name] = group.create_task(keeping, name=part.name)

    async def _abandon(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*(asyncio.to_thread(keeper.end) for keeper in self._keepers.values()))

    def _show(self) -> None:
        self._known |= {name: keeper.status for name, keeper in self._keepers.items()}
        status.save(self._folder.status, {name: keeper.status for name, keeper in self._keepers.items()})


def main(root: Path) -> int:
    """Run until killed; 0 at once when another supervisor keeps this folder."""
    folder = StateFolder(root)
    try:
        with folder.locked("supervisor", wait=False):
            note_version(folder)
            processes.remember(os.getpid(), folder.supervisor_pid)
            asyncio.run(Supervisor(folder).forever())
    except BlockingIOError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

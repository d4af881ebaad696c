"""Convergers that die in the middle of a step, and what they leave."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from s4_contracts.ids import GridId
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Outcome
from s4_provisioner.steps import Step
from s4_provisioner.tools import Tools
from support.provisioner import Desk


class Deaths:
    """A step that is to die sets `met` and goes no further, until its converger is ended."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._left = list(stages)
        self.met = asyncio.Event()

    def upon(self, steps: Mapping[Stage, Step]) -> dict[Stage, Step]:
        return {stage: self._mortal(stage, step) for stage, step in steps.items()}

    def _mortal(self, stage: Stage, step: Step) -> Step:
        async def mortal(grid: Grid, tools: Tools) -> Outcome:
            if stage in self._left:
                self._left.remove(stage)
                self.met.set()
                await asyncio.sleep(3600)
            return await step(grid, tools)

        return mortal


async def still_held(desk: Desk, grid_id: GridId) -> None:
    """The grid as a killed process leaves it: leased to somebody who will not come back."""
    await desk.pool.execute(
        "update grids set lease_token = gen_random_uuid(), lease_until = $2 where id = $1",
        *(grid_id, desk.tools.clock.now() + timedelta(milliseconds=150)),
    )

"""Steps that end as a test says, one ending after the other, and then succeed; they leave what real ones leave."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from s4_provisioner import leaving, placing, store
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Again, Apply, Done, MachineLost, Outcome, nothing
from s4_provisioner.sealing import Sealed
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools


class Script:
    """What each step does before it succeeds."""

    def __init__(self, endings: Mapping[Stage, Sequence[Outcome | Exception]] | None = None) -> None:
        self._endings = {stage: list(given) for stage, given in (endings or {}).items()}
        self._calls: list[Stage] = []

    def calls(self, stage: Stage) -> int:
        """How often the step was begun."""
        return self._calls.count(stage)

    def then(self, stage: Stage, *endings: Outcome | Exception) -> None:
        """From now on the step ends like this, and then succeeds."""
        self._endings[stage] = list(endings)

    def next(self, stage: Stage) -> Outcome | None:
        """The step's next ending; None once it succeeds."""
        self._calls.append(stage)
        left = self._endings.get(stage)
        if not left:
            return None
        ending = left.pop(0)
        if isinstance(ending, Exception):
            raise ending
        return ending


def scripted(script: Script | None = None) -> dict[Stage, Step]:
    """A step for every stage."""
    chosen = script or Script()

    async def step(stage: Stage, grid: Grid, tools: Tools) -> Outcome:
        if stage is Stage.HOST and grid.host is None:
            return Again(partial(placing.place, fleet=tools.fleet, grid=grid, now=tools.clock.now()))
        if stage in {Stage.BOOT, Stage.STOP, Stage.RELEASE}:
            return chosen.next(stage) or await STEPS[stage](grid, tools)
        return chosen.next(stage) or await _done(stage, grid, tools)

    return {stage: partial(step, stage) for stage in STEPS}


async def _done(stage: Stage, grid: Grid, tools: Tools) -> Outcome:
    now, name = tools.clock.now(), "g.grids.test"
    left: dict[Stage, Apply] = {
        Stage.IDENTITY: partial(store.keep_identity, grid_id=grid.id, sealed=Sealed(b"sealed"), dns_name=name),
        Stage.PROOF: partial(store.keep_proof, grid_id=grid.id, proved_at=now, seconds=0.5),
        Stage.FORGET: partial(store.forget_keys, grid_id=grid.id, now=now),
    }
    if stage is Stage.NODE:
        if grid.host is None or grid.host.is_lost:
            return MachineLost("host-lost")
        if waits := await leaving.stop_elsewhere(grid, tools):
            return waits
        address = await tools.driver(grid.host).apply(grid.host, grid.id, b"{}", timedelta(seconds=1))
        until = now + timedelta(hours=1)
        return Done(partial(store.keep_served, grid_id=grid.id, address=str(address), lent_until=until))
    return Done(left.get(stage, nothing))

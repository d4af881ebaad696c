"""How long the converger puts up with something, and whether it goes on at once. Pure."""

from datetime import datetime

from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import UP, Stage, next_stage
from s4_provisioner.outcome import Again, Done, MachineLost, NotYet, Outcome
from s4_provisioner.settings import Settings
from s4_runtime import Permanent, Temporary

Result = Outcome | Temporary | Permanent


def judged(grid: Grid, result: Result, settings: Settings, now: datetime) -> Result:
    """The result, or, when that has happened too often or for too long, what it comes to."""
    # The boot has a limit of its own, after which its machine is given up.
    if (
        isinstance(result, NotYet)
        and grid.stage is not Stage.BOOT
        and now - grid.stage_since > settings.step_limit * max(grid.attempts, 1)
    ):
        result = Temporary(f"{grid.stage.value}-too-slow")
    if isinstance(result, MachineLost) and grid.relaunches >= settings.max_relaunches:
        return Permanent(result.code)
    # What somebody waits for is given up after some time. To stop and to remove is tried for as long as it takes.
    if isinstance(result, Temporary) and grid.stage in UP and grid.attempts >= settings.max_attempts:
        return Permanent(result.code, **result.ids)
    return result


def goes_on(grid: Grid, following: Stage, result: Result) -> bool:
    """Whether there is something to do for the grid at once after this result."""
    if isinstance(result, Done):
        return next_stage(grid.aim, following) is not None
    return isinstance(result, Again | MachineLost)

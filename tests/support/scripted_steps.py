"""Steps that end as a test says, one ending after the other, and then succeed; they leave what real ones leave."""

from collections.abc import Mapping, Sequence
from functools import partial

from s4_contracts.ids import HostId
from s4_provisioner import store
from s4_provisioner.grids import Grid, Launch
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Again, Apply, Done, Outcome, nothing
from s4_provisioner.sealing import Sealed
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools
from s4_runtime import derived_id

_LAUNCH = Launch(
    image="ami-1",
    root_device="/dev/xvda",
    instance_type="t3.small",
    disk_gib=8,
    security_group="sg-1",
    instance_profile="profile",
    user="s4",
    authorized_key="ssh-ed25519 AAAA",
)


class Script:
    """What each step does before it succeeds."""

    def __init__(self, endings: Mapping[Stage, Sequence[Outcome | Exception]] | None = None) -> None:
        self._endings = {stage: list(given) for stage, given in (endings or {}).items()}
        self._calls: list[Stage] = []

    def calls(self, stage: Stage) -> int:
        """How often the step was begun."""
        return self._calls.count(stage)

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
        planned = grid.host is not None and grid.host.launch is not None
        if stage is Stage.HOST and not planned:
            return Again(plan(grid, tools))
        return chosen.next(stage) or Done(_leaves(stage, grid, tools))

    return {stage: partial(step, stage) for stage in STEPS}


def plan(grid: Grid, tools: Tools) -> Apply:
    """Keeps the plan for a machine."""
    return partial(
        store.plan_host,
        grid_id=grid.id,
        host_id=HostId(derived_id("host", grid.id)),
        region="here",
        launch=_LAUNCH,
        sealed=Sealed(b"sealed"),
        host_key="ssh-ed25519 AAAA",
        now=tools.clock.now(),
    )


def _leaves(stage: Stage, grid: Grid, tools: Tools) -> Apply:
    now, name = tools.clock.now(), "g.grids.test"
    left: dict[Stage, Apply] = {
        Stage.IDENTITY: partial(store.keep_identity, grid_id=grid.id, sealed=Sealed(b"sealed"), dns_name=name),
        Stage.PROOF: partial(store.keep_proof, grid_id=grid.id, proved_at=now, seconds=0.5),
        Stage.FORGET: partial(store.forget_keys, grid_id=grid.id, now=now),
    }
    if grid.host:
        host_id = grid.host.id
        left[Stage.HOST] = partial(store.keep_instance, host_id=host_id, instance_id="i-1")
        left[Stage.BOOT] = partial(store.keep_address, host_id=host_id, address="127.0.0.1")
        left[Stage.RELEASE] = partial(store.lose_machine, grid_id=grid.id, host_id=host_id)
    return left.get(stage, nothing)

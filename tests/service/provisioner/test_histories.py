"""Whatever billing tells and the owner chooses, in whatever order, however often, whatever dies: the last holds."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s4_contracts import Event
from s4_contracts.ids import GridId
from s4_contracts.provisioner import FurlIssued, GridDeleted, GridResumed, InstanceReady, ProvisioningFailed
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import DOWN, UP, Stage
from s4_provisioner.outcome import Outcome
from s4_provisioner.steps import Step
from s4_provisioner.tools import Tools
from s4_runtime import Temporary
from support.deaths import Deaths, still_held
from support.owners import Owner
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription
from support.waiting import until

SERVICE = {"suspended": Stage.SUSPENDED, "resumed": Stage.READY, "ended": Stage.SUSPENDED}
CHOICES = ["paused", "unpaused", "erased", "unerased"]
KINDS = st.sampled_from([*SERVICE, "disputed", "cleared", "changed", *CHOICES])
STAGES = st.sampled_from([*UP, Stage.STOP, *DOWN])


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database, lease=timedelta(milliseconds=300)) as desk:
        yield desk


class History:
    """A grid, what is still to be told about it, and what is still to go wrong."""

    def __init__(self, desk: Desk, grid_id: GridId, news: Sequence[Event], deaths: Deaths, script: Script) -> None:
        self._desk = desk
        self._grid_id = grid_id
        self._news = list(news)
        self._deaths = deaths
        self._steps: dict[Stage, Step] = {**scripted(script), Stage.NODE: self._told(scripted(script)[Stage.NODE])}
        self.quota: int | None = None

    async def comes_to(self, stage: Stage) -> None:
        """Everything is told, and the grid rests here; each kill is followed by a start."""
        while True:
            async with self._desk.converging(self._deaths.upon(self._steps)):
                while self._news and not self._deaths.met.is_set():
                    await self._desk.tell(self._news.pop(0))
                await until(lambda: self._is_over(stage), within=20, what=f"the grid comes to {stage}, or a kill")
            if not self._deaths.met.is_set():
                return
            self._deaths.met.clear()
            await still_held(self._desk, self._grid_id)

    async def _is_over(self, stage: Stage) -> bool:
        if self._deaths.met.is_set():
            return True
        resting = "select lease_token is null and (due_at is null or due_at > $2) from grids where id = $1"
        now = self._desk.tools.clock.now()
        is_resting = await self._desk.pool.fetchval(resting, self._grid_id, now)
        return bool(is_resting) and (await self._desk.grid(self._grid_id)).stage is stage

    def _told(self, step: Step) -> Step:
        async def noting(grid: Grid, tools: Tools) -> Outcome:
            self.quota = grid.quota_bytes
            return await step(grid, tools)

        return noting


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_the_last_word_of_each_kind_holds_whatever_happens_on_the_way(desk: Desk, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(KINDS, max_size=6), label="told")
    subscription = Subscription(a_payment(), desk.tools.clock)
    owner = Owner(subscription.payment, desk.tools.clock)
    told: list[Event] = [_event(subscription, owner, kind, number) for number, kind in enumerate(kinds)]
    again = data.draw(st.lists(st.sampled_from(told), max_size=3) if told else st.just([]), label="told twice")
    deaths = Deaths(data.draw(st.lists(STAGES, max_size=3), label="deaths"))
    script = Script({stage: [Temporary("busy")] for stage in data.draw(st.lists(STAGES, max_size=3), label="trouble")})
    order = data.draw(st.permutations([*told, *again]), label="order")
    grid_id = await desk.pay(subscription.payment)
    history = History(desk, grid_id, order, deaths, script)

    said = [kind for kind in kinds if kind in SERVICE]
    is_paused = [kind for kind in kinds if kind in {"paused", "unpaused"}][-1:] == ["paused"]
    is_served = said[-1:] in ([], ["resumed"]) and not is_paused
    await history.comes_to(Stage.READY if is_served else Stage.SUSPENDED)
    served = (await desk.grid(grid_id)).stage is Stage.READY
    changes = [number for number, kind in enumerate(kinds) if kind == "changed"]
    assert not served or history.quota == (changes[-1] + 1 if changes else subscription.payment.quota_bytes)

    contested = [kind == "disputed" for kind in kinds if kind in {"disputed", "cleared"}]
    is_over = said[-1:] == ["ended"] and not any(contested[-1:])
    is_erased = is_over and [kind for kind in kinds if kind in {"erased", "unerased", "resumed"}][-1:] == ["erased"]
    await desk.pass_time(timedelta(days=2))
    await history.comes_to(Stage.READY if is_served else Stage.ABSENT if is_erased else Stage.SUSPENDED)
    await desk.pass_time(timedelta(days=29))
    await history.comes_to(Stage.READY if is_served else Stage.ABSENT if is_over else Stage.SUSPENDED)

    assert len(await desk.events(GridDeleted, grid_id)) == int(is_over)
    assert len(await desk.events(InstanceReady, grid_id)) == len(await desk.events(FurlIssued, grid_id)) <= 1
    assert len(await desk.events(GridResumed, grid_id)) <= sum(
        kinds.count(kind) for kind in ("suspended", "ended", "paused")
    )
    assert await desk.events(ProvisioningFailed, grid_id) == []


def _event(subscription: Subscription, owner: Owner, kind: str, number: int) -> Event:
    by = owner if kind in CHOICES else subscription
    event: Event = subscription.changed(quota_bytes=number + 1) if kind == "changed" else getattr(by, kind)()
    return event

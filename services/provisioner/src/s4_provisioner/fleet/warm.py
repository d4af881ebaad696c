"""Keeps empty hosts ready for whoever pays next: as many for each pool as the settings say, refilled when one is taken.

Any number may run. Who looks at a pool holds it, as who places a grid in it does: no host is added or let go twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner import metrics
from s4_provisioner.fleet import releases, stock
from s4_provisioner.fleet.growth import add_host
from s4_provisioner.fleet.stock import Empty, Failing
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Backoff, Temporary, get_logger, last_success
from s4_store import Pool, Wakeup

_LOOP = "warm"
_IDLE = timedelta(seconds=10)
_SOON = timedelta(seconds=1)
# Grids that waited for a host hear within seconds that it cannot be had; then what is left of it goes.
_HEARD = timedelta(minutes=1)
_KEPT = timedelta(days=30)
SURPLUS, OUTDATED = "surplus", "outdated-image"


class Change(msgspec.Struct, frozen=True):
    """What brings a pool's stock to what it should be."""

    launch: int = 0
    surplus: tuple[HostId, ...] = ()
    outdated: tuple[HostId, ...] = ()


def change(warm: int, empties: Sequence[Empty], *, may_launch: int) -> Change:
    """At most ``may_launch`` more hosts; what is too much goes, oldest first, and what is coming before what is there.

    An outdated host stays until there are enough others.
    """
    coming_first = sorted(empties, key=lambda each: each.is_ready)
    current = [each for each in coming_first if each.is_current]
    outdated = [each for each in coming_first if not each.is_current]
    too_many = max(0, len(current) - warm)
    ready = sum(each.is_ready for each in current)
    stay = max(0, warm - ready)
    return Change(
        launch=max(0, min(warm - len(current), may_launch)),
        surplus=tuple(each.host_id for each in current[:too_many]),
        outdated=tuple(each.host_id for each in outdated[: max(0, len(outdated) - stay)]),
    )


class Warm:
    """The loop."""

    def __init__(self, pool: Pool, tools: Tools, random: Random) -> None:
        self._pool, self._tools, self._random = pool, tools, random
        self._clock, self._fleet = tools.clock, tools.fleet
        self._backoff = Backoff(tools.settings.retry_base, tools.settings.retry_cap)

    async def forever(self) -> None:
        """Keep stock for ever."""
        async with Wakeup.listen(self._pool.url, stock.CHANNEL) as wakeup:
            while True:
                await wakeup.wait(await self.round())

    async def round(self) -> timedelta:
        """Every pool was looked at once; how long to wait for the next look."""
        try:
            async with self._pool.transaction() as tx:
                names = await stock.names(tx, list(self._fleet.pools))
            pauses = [await self._keep(name) for name in names]
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return _IDLE
        last_success(_LOOP)
        return min([_IDLE, *pauses])

    async def _keep(self, name: str) -> timedelta:
        """The pool has, or will have, the empty hosts that it should have; how long to wait for the next look."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            await stock.hold(tx, name)
            pool = await releases.current(tx, name, self._fleet.spec(name))
            failing = await stock.failing(tx, name, pool)
            wait = self._pause(failing, now)
            empties = await stock.empties(tx, name, pool)
            # As long as none can be had, one at a time is asked for.
            may_launch = 0 if wait > timedelta(0) else 1 if failing.times else pool.warm
            due = change(pool.warm, empties, may_launch=may_launch)
            for _ in range(due.launch):
                await add_host(tx, name, pool, pool.image, now)
            await stock.let_go(tx, [*due.surplus], SURPLUS, now)
            await stock.let_go(tx, [*due.outdated], OUTDATED, now)
            await stock.clear_failed(tx, name, now - _HEARD, now)
            await stock.prune(tx, name, now - _KEPT)
        self._tell(name, empties, failing, due)
        if wait:
            return max(wait, _SOON)
        return _SOON if len(due.outdated) < sum(not each.is_current for each in empties) else _IDLE

    def _pause(self, failing: Failing, now: datetime) -> timedelta:
        """How long no further host is asked for, because the last ones could not be had."""
        if failing.since is None:
            return timedelta(0)
        return max(timedelta(0), failing.since + self._backoff.delay(failing.times, self._random) - now)

    def _tell(self, name: str, empties: Sequence[Empty], failing: Failing, due: Change) -> None:
        ready = sum(each.is_ready for each in empties)
        metrics.EMPTY_HOSTS.labels(name, "ready").set(ready)
        metrics.EMPTY_HOSTS.labels(name, "coming").set(len(empties) - ready)
        metrics.FAILING_HOSTS.labels(name).set(failing.times)
        if due != Change():
            released = len(due.surplus) + len(due.outdated)
            get_logger().info("pool.stocked", pool=name, launched=due.launch, released=released)

"""Looks at the hosts that are due, and does what the verdict says unless the breaker of their region keeps it back."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner import lending, moves
from s4_provisioner import store as grids
from s4_provisioner.fleet import stock
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostWanted
from s4_provisioner.health import breakers, metrics, store
from s4_provisioner.health.breaker import State
from s4_provisioner.health.looking import Looked, Looks
from s4_provisioner.health.run import Seldom
from s4_provisioner.health.store import Watched
from s4_provisioner.health.usage import keep_usage
from s4_provisioner.health.verdict import Alarm, Fine, Lost, Marks, Retire, Verdict, Wait, marked, noted, verdict
from s4_provisioner.tools import NoDriver, Tools
from s4_runtime import get_logger
from s4_store import Pool, Transaction

_BATCH = 1000  # ids of one DescribeInstances (EC2 API)


class _Judged(msgspec.Struct, frozen=True):
    """A look, what is on record after it, and what follows."""

    looked: Looked
    marks: Marks
    verdict: Verdict

    @property
    def id(self) -> HostId:
        """The host's."""
        return self.looked.watched.host.id


class Watch:
    """Any number of these may run, in any number of processes: each takes other hosts."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._settings = tools.clock, tools.settings
        self._showing = Seldom(tools.clock)
        self._looks = Looks(tools.settings, tools.clock, tools.settings.clock_skew_limit.total_seconds())

    async def round(self) -> bool:
        """The hosts that were due were looked at, and what follows is done; whether there may be more."""
        claimed = await store.claim(self._pool, _BATCH, self._settings.look_every, self._clock.now())
        groups: dict[tuple[str, str], list[Watched]] = defaultdict(list)
        for each in claimed:
            groups[each.host.driver, each.host.region].append(each)
        await asyncio.gather(*(self._group(group) for group in groups.values()))
        if self._showing.is_due():
            await self._show()
        return len(claimed) == _BATCH

    async def _group(self, group: list[Watched]) -> None:
        """Everything seen is on record before anything is done: how much fails at once decides on that."""
        try:
            driver = self._tools.driver(group[0].host)
        except NoDriver as trouble:
            get_logger().error("hosts.out-of-reach", hosts=len(group), trouble=str(trouble))
            return
        judged = [self._judged(each) for each in await self._looks.look(driver, group)]
        await self._keep(judged)
        region = group[0].host.region
        is_quiet = all(isinstance(each.verdict, Fine | Alarm) for each in judged)
        if is_quiet and await breakers.state_of(self._pool, region) is State.CLOSED:
            return
        await breakers.judge(self._pool, region, self._settings, self._clock.now())
        for each in judged:
            host = each.looked.watched.host
            if isinstance(each.verdict, Lost) or (isinstance(each.verdict, Retire) and host.wanted is HostWanted.OPEN):
                await self._act(host, each.verdict)

    def _judged(self, looked: Looked) -> _Judged:
        now = self._clock.now()
        marks = marked(looked.watched.marks, looked.sight, now)
        found = verdict(looked.sight, marks, self._settings, now)
        return _Judged(looked, noted(marks, found, now), found)

    async def _keep(self, judged: Sequence[_Judged]) -> None:
        now, settings = self._clock.now(), self._settings
        changed = [(each.id, each.marks) for each in judged if each.marks != each.looked.watched.marks]
        checked = [each.id for each in judged if each.looked.sight.impaired is not None]
        asked = [each.id for each in judged if each.looked.sight.report != "unasked"]
        async with self._pool.transaction() as tx:
            await store.keep_marks(tx, changed)
            await store.checked(tx, checked, settings.check_every, now)
            await store.asked(tx, asked, settings.report_every, now)
        for each in judged:
            _tell(each)
            if each.looked.report is not None:
                async with self._pool.transaction() as tx:
                    await store.keep_report(tx, each.id, each.looked.report)
                    # As after a restart of the machine, when what was lent is gone.
                    await lending.renew(tx, await keep_usage(tx, each.id, each.looked.report, settings, now), now)

    async def _act(self, host: Host, found: Lost | Retire) -> None:
        """The host is lost, and its grids go elsewhere, in one transaction; or it is drained: see fleet.retire."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            if await self._shows_nothing(tx, host) or not await breakers.allows(tx, host.region, self._settings):
                return
            if isinstance(found, Retire):
                if await hosts.drain(tx, host.id, found.code, now):
                    await stock.wake(tx)
                    get_logger().warning("host.drained", host=host.id, pool=host.pool, reason=found.code)
                return
            lost = await moves.lose_host(tx, host.id, found.code, now)
            await store.note_lost(tx, host.id, now)
        metrics.HOSTS_LOST.labels(host.pool, found.code).inc()
        get_logger().warning("host.given-up", host=host.id, pool=host.pool, code=found.code, grids=len(lost))

    async def _shows_nothing(self, tx: Transaction, host: Host) -> bool:
        """Whether this is a time to try a few things, and an empty host in whose place nobody would be served."""
        is_trial = await breakers.state_of(tx, host.region) is State.HALF_OPEN
        return is_trial and not await grids.on_host(tx, host.id)

    async def _show(self) -> None:
        await breakers.show(self._pool)
        metrics.HOSTS_UNWELL.clear()
        for (region, code), count in (await store.unwell(self._pool)).items():
            metrics.HOSTS_UNWELL.labels(region, code).set(count)


def _tell(judged: _Judged) -> None:
    watched, found, alarm = judged.looked.watched, judged.verdict, judged.marks.alarm
    metrics.HOST_LOOKS.labels(watched.host.region, type(found).__name__.lower()).inc()
    log = get_logger().bind(host=watched.host.id, pool=watched.host.pool)
    if isinstance(found, Wait) and watched.marks.bad_since is None:
        log.warning("host.unwell", code=found.code)
    if alarm != watched.marks.alarm and alarm is not None:
        log.error("host.alarm", code=alarm)
    elif alarm != watched.marks.alarm:
        log.info("host.alarm-over", code=watched.marks.alarm)

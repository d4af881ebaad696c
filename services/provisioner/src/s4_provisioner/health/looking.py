"""What is found out about hosts at one look: many at a time, without the database."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner.drivers.contract import Driver, HostReport, HostSilent, Machine, StrangeHost
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.health.settings import HealthSettings
from s4_provisioner.health.store import Watched
from s4_provisioner.health.verdict import STRANGE, Sight
from s4_runtime import Clock, Permanent, Temporary, get_logger


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it was on record, what was seen, and what the host told."""

    watched: Watched
    sight: Sight
    report: HostReport | None = None


class Looks:
    """Looks at hosts of one driver at a time."""

    def __init__(self, settings: HealthSettings, clock: Clock, skew_seconds: float) -> None:
        self._settings, self._clock, self._skew_seconds = settings, clock, skew_seconds
        self._greetings = asyncio.Semaphore(settings.looks_at_once)
        self._logins = asyncio.Semaphore(settings.reports_at_once)

    async def look(self, driver: Driver, hosts: Sequence[Watched]) -> list[Looked]:
        """Each is greeted. The platform is asked for those that are silent, ill or due, the host itself likewise."""
        greeted = await asyncio.gather(*(self._greets(driver, each.host) for each in hosts))
        answers = {each.host.id: greets for each, greets in zip(hosts, greeted, strict=True)}
        checks = [
            each.host for each in hosts if each.check_is_due or each.marks.impaired_since or each.marks.retires_at
        ]
        checked = {host.id for host in checks}
        plain = [
            each.host
            for each in hosts
            if each.host.id not in checked and (not answers[each.host.id] or _is_in_doubt(each))
        ]
        with_checks, without = await asyncio.gather(
            self._ask(driver, checks, checks=True), self._ask(driver, plain, checks=False)
        )
        return await asyncio.gather(
            *(self._looked(driver, each, _platform(each.host, with_checks, without), answers) for each in hosts)
        )

    async def _greets(self, driver: Driver, host: Host) -> bool:
        async with self._greetings:
            try:
                return await driver.greets(host)
            except Temporary:
                return False

    async def _ask(self, driver: Driver, hosts: list[Host], *, checks: bool) -> Mapping[HostId, Machine | None]:
        """What the platform says; None of one that it does not know, nothing of any when it does not answer."""
        if not hosts:
            return {}
        try:
            found = await driver.look(hosts, checks=checks)
        except (Temporary, Permanent) as trouble:
            get_logger().warning(
                "platform.silent", driver=hosts[0].driver, region=hosts[0].region, trouble=str(trouble)
            )
            return {}
        return {host.id: found.get(host.id) for host in hosts}

    async def _looked(self, driver: Driver, watched: Watched, seen: Sight, answers: Mapping[HostId, bool]) -> Looked:
        sight = msgspec.structs.replace(seen, greets=answers[watched.host.id])
        is_asked = sight.greets and sight.platform not in {"gone", "ending", "moved"}
        if not is_asked or not (watched.report_is_due or _is_in_doubt(watched)):
            return Looked(watched=watched, sight=sight)
        async with self._logins:
            try:
                report = await driver.report(watched.host)
            except StrangeHost:
                return Looked(watched=watched, sight=msgspec.structs.replace(sight, report="strange"))
            except HostSilent:
                return Looked(watched=watched, sight=msgspec.structs.replace(sight, report="silent"))
            except (Temporary, Permanent):
                return Looked(watched=watched, sight=msgspec.structs.replace(sight, report="failed"))
        ailment = self._ailment(report, self._clock.now())
        told = msgspec.structs.replace(sight, report="told", ailment=ailment)
        return Looked(watched=watched, sight=told, report=report)

    def _ailment(self, report: HostReport, now: datetime) -> str | None:
        if abs(report.clock - now.timestamp()) > self._skew_seconds:
            return "clock-off"
        free = report.disk_free_mib
        return "disk-nearly-full" if free is not None and free < self._settings.least_disk_mib else None


def _is_in_doubt(watched: Watched) -> bool:
    """Whether a greeting alone does not clear the host."""
    return watched.marks.silent_looks > 0 or watched.marks.alarm in {STRANGE, "report-failed"}


def _platform(
    host: Host, with_checks: Mapping[HostId, Machine | None], without: Mapping[HostId, Machine | None]
) -> Sight:
    is_checked = host.id in with_checks
    if not is_checked and host.id not in without:
        return Sight(greets=False)
    machine = with_checks[host.id] if is_checked else without[host.id]
    if machine is None:
        return Sight(greets=False, platform="unknown")
    has_moved = machine.address is not None and host.address is not None and machine.address != host.address
    return Sight(
        greets=False,
        platform="moved" if machine.state == "alive" and has_moved else machine.state,
        impaired=machine.impaired if is_checked else None,
        retires_at=machine.retires_at if is_checked else None,
    )

"""One coroutine for each stage of a host's life: the runbook of a machine.

Each may be ended on any line and be done again, by the same rules as the steps of a grid.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType

import msgspec

from s4_aws.trouble import NoCapacity, NotInZone
from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import HostSilent, PlanOutdated, StrangeHost
from s4_provisioner.fleet import growth, store
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.outcome import BackTo, Done, HostOutcome, MachineLost, NotYet
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Secret, Temporary, get_logger

HostStep = Callable[[Host, Tools], Awaitable[HostOutcome]]

_ENDING_POLL = timedelta(seconds=1)
_GREETING_POLL_SECONDS = 0.1
_GREETING_ROUNDS = 20  # then the platform is asked whether the machine still lives


async def plan(host: Host, tools: Tools) -> HostOutcome:
    """All that the machine will be asked for with is on record, and the key by which we will know it."""
    if host.request is not None:
        return Done()
    planned = await tools.driver(host).plan(host, tools.fleet.spec(host.pool))
    private = planned.private_key
    sealed = tools.seal.seal(private.reveal().encode(), host.id) if private else None
    return Done(partial(store.plan, host_id=host.id, planned=planned, sealed=sealed))


async def launch(host: Host, tools: Tools) -> HostOutcome:
    """The platform has been asked for exactly one machine, which will have the key that we already know."""
    sealed = host.sealed_host_key
    private = Secret(tools.seal.open(sealed, host.id).decode()) if sealed else None
    try:
        machine_id = await tools.driver(host).launch(host, private)
    except PlanOutdated:
        return BackTo(HostStage.PLAN, partial(store.unplan, host_id=host.id))
    except (NoCapacity, NotInZone) as none:
        if await growth.may_be_elsewhere(tools.pool, host, tools.fleet.spec(host.pool), tools.clock.now()):
            return MachineLost(none.code)
        raise
    return Done(partial(store.keep_machine, host_id=host.id, machine_id=machine_id))


async def wait_for_boot(host: Host, tools: Tools) -> HostOutcome:
    """The machine let us in, and proved that it is the one that we asked for."""
    driver = tools.driver(host)
    if tools.clock.now() - host.stage_since > tools.settings.boot_limit:
        return MachineLost("machine-did-not-boot")
    deadline = tools.clock.monotonic() + tools.settings.patience.total_seconds()
    while tools.clock.monotonic() < deadline:
        machine = (await driver.look([host])).get(host.id)
        if machine is not None and machine.state != "alive":
            return MachineLost("machine-gone")
        # a namespace never has an address, a machine gets one
        if machine is None or (machine.address is None and not await driver.greets(host)):
            await tools.clock.sleep(tools.settings.poll.total_seconds())
            continue
        there = msgspec.structs.replace(host, address=machine.address, zone=machine.zone or host.zone)
        if await _lets_us_in(there, tools, deadline):
            address = str(machine.address) if machine.address else None
            return Done(partial(store.keep_place, host_id=host.id, address=address, zone=there.zone))
    return NotYet(timedelta(0))


async def _lets_us_in(host: Host, tools: Tools, deadline: float) -> bool:
    """Try for some seconds: first until anybody greets, then until we are let in.

    A machine that boots learns its key and its users some time after it begins to answer. One that still shows another
    key when our patience is over is trouble that people see.
    """
    driver = tools.driver(host)
    for _ in range(_GREETING_ROUNDS):
        if await driver.greets(host):
            try:
                await driver.report(host)
            except HostSilent:
                pass
            except StrangeHost as strange:
                if tools.clock.monotonic() > deadline:
                    raise Temporary(strange.code) from None
            else:
                return True
        if tools.clock.monotonic() > deadline:
            return False
        await tools.clock.sleep(_GREETING_POLL_SECONDS)
    return False


async def prepare(host: Host, tools: Tools) -> HostOutcome:
    """The host says that it is fit for grids: its clock is right, and it has room on its disk."""
    report = await tools.driver(host).report(host)
    if abs(report.clock - tools.clock.now().timestamp()) > tools.settings.clock_skew_limit.total_seconds():
        return MachineLost("clock-off")  # S3 refuses requests that are a quarter of an hour off
    if report.disk_free_mib is not None and report.disk_free_mib < tools.settings.least_disk_mib:
        return MachineLost("disk-nearly-full")
    return Done(partial(store.keep_ready, host_id=host.id, report=report, now=tools.clock.now()))


async def release(host: Host, tools: Tools) -> HostOutcome:
    """The platform has shown that the machine serves nobody any more, and will be gone."""
    if host.request is None:
        return Done(partial(store.gone, host_id=host.id, now=tools.clock.now()))
    if not await tools.driver(host).terminate(host):
        return NotYet(_ENDING_POLL)
    return Done(partial(store.gone, host_id=host.id, now=tools.clock.now()))


async def tidy(host: Host, tools: Tools) -> tuple[list[GridId], str | None]:
    """Nothing of these grids, which left the host, is on it any more; why there are others of which something is."""
    gone, code = [], None
    for grid_id in await store.stopped_here(tools.pool, host.id):
        try:
            await tools.driver(host).remove(host, grid_id)
        except (Temporary, Permanent) as trouble:
            get_logger().warning("host.not-tidied", host=host.id, grid=grid_id, trouble=str(trouble))
            code = trouble.code
            if isinstance(trouble, HostSilent | StrangeHost):
                break
        else:
            gone.append(grid_id)
    return gone, code


STEPS: Mapping[HostStage, HostStep] = MappingProxyType(
    {
        HostStage.PLAN: plan,
        HostStage.LAUNCH: launch,
        HostStage.BOOT: wait_for_boot,
        HostStage.PREPARE: prepare,
        HostStage.RELEASE: release,
    }
)

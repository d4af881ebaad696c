"""One coroutine for each stage in which a grid is stopped or removed: the runbook down, by the rules of the one up."""

from datetime import timedelta
from functools import partial

from s4_provisioner import names, store
from s4_provisioner.drivers.contract import StrangeHost
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.grids import Grid
from s4_provisioner.outcome import Again, Done, NotYet, Outcome, nothing
from s4_provisioner.tools import Tools
from s4_runtime import Temporary
from s4_store import Transaction

_POLL = timedelta(seconds=1)
_SOON = timedelta(milliseconds=250)


async def stop_node(grid: Grid, tools: Tools) -> Outcome:
    """No node of the grid serves anybody, and no host is kept for it; everything that is stored stays in its bucket."""
    if grid.host is not None and not await _is_stopped(grid.host, grid, tools):
        return NotYet(_POLL)
    outcome = await stop_elsewhere(grid, tools)
    return outcome or Done(partial(leave, grid=grid, tools=tools))


async def stop_elsewhere(grid: Grid, tools: Tools) -> Outcome | None:
    """None when no host that the grid has left serves it any more; else what is to be kept or waited for first."""
    left = [host for host, state in await hosts.left_hosts(tools.pool, grid.id) if state == "serving"]
    if not left:
        return None
    for host in left:
        if not await _is_stopped(host, grid, tools):
            return NotYet(_SOON)
    return Again(partial(hosts.stopped, grid_id=grid.id, now=tools.clock.now()))


async def _is_stopped(host: Host, grid: Grid, tools: Tools) -> bool:
    """Whether the grid's node does not run on the host: it was stopped, or the platform has ended the host.

    A host that is lost may still run, unreachable: its converger has it ended, and only then it counts.
    """
    driver = tools.driver(host)
    if host.instance_id is None or host.ready_at is None:  # no grid is served where nobody could log in yet
        return True
    if not host.is_lost:
        try:
            await driver.stop(host, grid.id)
        except (Temporary, StrangeHost) as trouble:  # an ended machine's address may be another one's now
            machine = (await driver.look([host])).get(host.id)
            if machine is not None and machine.state == "alive":
                raise (Temporary(trouble.code) if isinstance(trouble, StrangeHost) else trouble) from None
        return True
    machine = (await driver.look([host])).get(host.id)
    return machine is None or machine.state != "alive"


async def leave(tx: Transaction, grid: Grid, tools: Tools) -> None:
    """The grid, stopped, is on no host."""
    if grid.host is not None:
        await hosts.depart(tx, grid.id, grid.host.id, stopped=True, now=tools.clock.now())


async def take_out_of_dns(grid: Grid, tools: Tools) -> Outcome:
    """The grid's name means nothing."""
    await tools.zone.take_out(grid.dns_name or names.dns_name(grid.id, tools.settings.grid_domain))
    return Done(partial(store.keep_dns_change, grid_id=grid.id, change=None))


async def release_place(grid: Grid, tools: Tools) -> Outcome:
    """Nothing of the grid is on any host; a host that it had alone is gone."""
    # It may be wanted again before all is removed, and then be served elsewhere: so it is stopped first.
    if grid.host is not None:
        if not await _is_stopped(grid.host, grid, tools):
            return NotYet(_POLL)
        return Again(partial(leave, grid=grid, tools=tools))
    if outcome := await stop_elsewhere(grid, tools):
        return outcome
    # Each host's converger removes what left it, and wakes us.
    return NotYet(_POLL) if await hosts.left_hosts(tools.pool, grid.id) else Done()


async def revoke_credentials(grid: Grid, tools: Tools) -> Outcome:
    """No session that any node of the grid ever had opens its bucket."""
    bucket = grid.bucket or names.bucket(tools.settings.deployment, grid.id)
    cloud = tools.cloud(grid.region)
    await cloud.buckets.deny(bucket, await cloud.sessions.role_arn())
    return Done()


async def delete_bucket(grid: Grid, tools: Tools) -> Outcome:
    """The bucket is gone with everything in it, old versions and unfinished uploads too, and each object counted once.

    Nobody writes any more. Keys come in S3's order, so a page is counted by how far the count has come before it goes.
    """
    bucket = grid.bucket or names.bucket(tools.settings.deployment, grid.id)
    buckets = tools.cloud(grid.region).buckets
    stored = await buckets.first_versions(bucket)
    keys = {each.key for each in stored}
    if uncounted := {key for key in keys if grid.counted_to is None or key > grid.counted_to}:
        counted = partial(store.count_objects, grid_id=grid.id, objects=len(uncounted), up_to=max(uncounted))
        return Again(counted)
    if stored:
        await buckets.delete_versions(bucket, stored)
        return Again(nothing)
    await buckets.abort_uploads(bucket)
    await buckets.delete(bucket)
    return Done()


async def forget_identity(grid: Grid, tools: Tools) -> Outcome:
    """Nobody can ever be this grid again: its keys and its furl are gone."""
    return Done(partial(store.forget_keys, grid_id=grid.id, now=tools.clock.now()))

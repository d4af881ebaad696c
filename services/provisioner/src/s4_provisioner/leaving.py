"""One coroutine for each stage in which a grid is stopped or removed: the runbook down, by the rules of the one up."""

from datetime import timedelta
from functools import partial

from s4_provisioner import names, store
from s4_provisioner.grids import Grid, present
from s4_provisioner.outcome import Again, Done, NotYet, Outcome, nothing
from s4_provisioner.ssh import SshTarget
from s4_provisioner.tools import Tools
from s4_runtime import Temporary

_POLL = timedelta(seconds=2)
# A machine that was asked for may be missing in EC2's lists for some seconds (EC2 API, "Eventual consistency").
_SETTLED = timedelta(seconds=30)


async def stop_node(grid: Grid, tools: Tools) -> Outcome:
    """No node of the grid serves anybody; its machine and everything that is stored stay."""
    host = grid.host
    if host is None or host.address is None or host.host_key is None:
        return Done()
    try:
        await tools.nodes.stop(SshTarget(host.address, host.host_key), grid.id)
    except Temporary:
        machine = await tools.hosts.look(present(host.instance_id))
        if machine is not None and machine.state == "alive":
            raise
        await tools.hosts.terminate(host)
        return Done(partial(store.lose_machine, grid_id=grid.id, host_id=host.id))
    return Done()


async def take_out_of_dns(grid: Grid, tools: Tools) -> Outcome:
    """The grid's name means nothing."""
    await tools.zone.take_out(grid.dns_name or names.dns_name(grid.id, tools.settings.grid_domain))
    return Done(partial(store.keep_dns_change, grid_id=grid.id, change=None))


async def release_machine(grid: Grid, tools: Tools) -> Outcome:
    """EC2 has shown every machine of the grid terminated, and knows of no other."""
    host = grid.host
    if left := await tools.hosts.unterminated(grid.id):
        await tools.hosts.terminate_all(left)
        if await tools.hosts.unterminated(grid.id):
            return NotYet(_POLL)
    if host is None or host.launch is None:
        return Done()
    if not await tools.hosts.machines(host) and tools.clock.now() - grid.stage_since < _SETTLED:
        return NotYet(_POLL)
    return Done(partial(store.lose_machine, grid_id=grid.id, host_id=host.id))


async def revoke_credentials(grid: Grid, tools: Tools) -> Outcome:
    """Nobody can be given the right to the bucket any more."""
    await tools.roles.remove(names.role(tools.settings.deployment, grid.id))
    return Done()


async def delete_bucket(grid: Grid, tools: Tools) -> Outcome:
    """The bucket is gone with everything in it, and every object is counted once.

    Nobody writes any more. Keys come in S3's order, so a page is counted by how far the count has come before it goes.
    """
    bucket = grid.bucket or names.bucket(tools.settings.deployment, grid.id)
    keys = await tools.buckets.first_keys(bucket)
    if uncounted := [key for key in keys if grid.counted_to is None or key > grid.counted_to]:
        return Again(partial(store.count_objects, grid_id=grid.id, objects=len(uncounted), up_to=keys[-1]))
    if keys:
        await tools.buckets.delete_objects(bucket, keys)
        return Again(nothing)
    await tools.buckets.abort_uploads(bucket)
    await tools.buckets.delete(bucket)
    return Done()


async def forget_identity(grid: Grid, tools: Tools) -> Outcome:
    """Nobody can ever be this grid again: its keys, its furl and its machine's key are gone."""
    return Done(partial(store.forget_keys, grid_id=grid.id, now=tools.clock.now()))

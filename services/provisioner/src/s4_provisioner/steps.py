"""One coroutine for each stage, from a payment to a proof: the runbook. The way down is in leaving.

Each may be ended on any line and be done again. What it promises is its docstring; what it learned is kept by the
outcome's ``apply``. Anything random is kept before it is used.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial, wraps
from types import MappingProxyType

from s4_provisioner import identity, leaving, names, placing, store
from s4_provisioner.capability import furl_of, identity_of, shares_of, whereabouts
from s4_provisioner.drivers.contract import HostFull, StrangeHost
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.grids import Grid, host_of, present
from s4_provisioner.lifecycle import Stage
from s4_provisioner.node_files import apply_payload
from s4_provisioner.outcome import Again, Done, MachineLost, NotYet, Outcome
from s4_provisioner.probe import NotStored
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary

Step = Callable[[Grid, Tools], Awaitable[Outcome]]

_SOON = timedelta(seconds=1)
_HOST_POLL = timedelta(seconds=10)  # the host's converger wakes the grid; this is for a wake-up that was lost
_PROOF_BYTES = 2**20  # more than a proof stores


class HostFailed(Permanent):
    """The grid's host cannot be had; the code says why."""


async def mint_identity(grid: Grid, tools: Tools) -> Outcome:
    """The grid is somebody, for ever: keys, secret names and a DNS name, sealed."""
    if grid.sealed_identity is not None:
        return Done()
    sealed = tools.seal.seal(identity.pack(await identity.mint()), grid.id)
    name = names.dns_name(grid.id, tools.settings.grid_domain)
    return Done(partial(store.keep_identity, grid_id=grid.id, sealed=sealed, dns_name=name))


async def make_bucket(grid: Grid, tools: Tools) -> Outcome:
    """The grid has a bucket that keeps what it is given, and lets nodes of the grid in."""
    bucket, buckets = names.bucket(tools.settings.deployment, grid.id), tools.cloud(grid.region).buckets
    await buckets.ensure(bucket, names.tags(tools.settings.deployment, grid.id))
    if grid.bucket is not None:  # removal may have begun before, and have shut nodes out
        await buckets.admit(bucket)
    return Done(partial(store.keep_bucket, grid_id=grid.id, bucket=bucket))


async def prove_right(grid: Grid, tools: Tools) -> Outcome:
    """A session can be had that may use this bucket; it is the only thing at AWS that a node is given."""
    await tools.cloud(grid.region).sessions.session(present(grid.bucket), grid.id)
    return Done()


async def place(grid: Grid, tools: Tools) -> Outcome:
    """The grid has a place on a host of its pool, which may still have to be made."""
    if grid.host is not None:
        return Done()
    return Again(partial(placing.place, fleet=tools.fleet, grid=grid, now=tools.clock.now()))


async def wait_for_host(grid: Grid, _tools: Tools) -> Outcome:
    """The host lets us in, and takes grids. Its own converger sees to that, and wakes those that wait."""
    if grid.host is None:  # it was lost while the grid waited for a person
        return MachineLost("host-lost")
    host = grid.host
    if host.stage is HostStage.READY and not host.is_lost:
        return Done()
    if host.stage is HostStage.FAILED and host.wanted is not HostWanted.ABSENT:
        if grid.stage_since > host.stage_since:  # somebody said since then that the grid may try again
            return MachineLost(present(host.failed_code))
        raise HostFailed(present(host.failed_code))
    return MachineLost(host.reason or "host-lost") if host.is_lost else NotYet(_HOST_POLL)


def on_a_host(step: Step) -> Step:
    """When the step meets trouble, look first whether the grid's host still lives."""

    @wraps(step)
    async def watched(grid: Grid, tools: Tools) -> Outcome:
        if grid.host is None or grid.host.is_lost:
            return MachineLost("host-lost")
        try:
            return await step(grid, tools)
        except (Temporary, StrangeHost):  # a lost machine's address may be another one's now
            machine = (await tools.driver(grid.host).look([grid.host])).get(grid.host.id)
            if machine is None or machine.state != "alive":
                return MachineLost("machine-gone")
            raise

    return watched


@on_a_host
async def start_node(grid: Grid, tools: Tools) -> Outcome:
    """The grid's introducer and storage server run on its host, and on no other, and take connections."""
    outcome = await leaving.stop_elsewhere(grid, tools)
    if outcome is not None:
        return outcome
    host, settings = host_of(grid), tools.settings
    session = await tools.cloud(grid.region).sessions.session(present(grid.bucket), grid.id)
    payload = apply_payload(
        grid.id,
        identity_of(grid, tools.seal),
        whereabouts(grid, hint=settings.furl_address_hint),
        shares_of(grid, settings, session),
        announced_from=grid.announced_from,
        shard=grid.shard,
    )
    try:
        address = await tools.driver(host).apply(host, grid.id, payload, settings.patience)
    except HostFull as full:
        return MachineLost(full.code, others_stay=True)
    if address is None:
        return NotYet(timedelta(0))
    until = session.expires_at
    return Done(partial(store.keep_served, grid_id=grid.id, address=str(address), lent_until=until))


@on_a_host
async def name_in_dns(grid: Grid, tools: Tools) -> Outcome:
    """Every name server of the zone says that the grid's name is where its node is."""
    if grid.dns_change is None:
        change = await tools.zone.point(present(grid.dns_name), present(grid.address))
        return Again(partial(store.keep_dns_change, grid_id=grid.id, change=change))
    known = await tools.zone.is_everywhere(grid.dns_change)
    if known is None:
        return Again(partial(store.keep_dns_change, grid_id=grid.id, change=None))
    return Done() if known else NotYet(_SOON)


@on_a_host
async def prove(grid: Grid, tools: Tools) -> Outcome:
    """With the furl that the customer will get, a real client stored a file from outside and read it back.

    In a grid that was proved before and is full, it reached a server that has no room left.
    """
    furl = furl_of(grid, tools.seal, hint=tools.settings.furl_address_hint)
    try:
        proof = await tools.probe.prove(furl)
    except NotStored:
        if grid.proved_at is None or not await _is_full(grid, tools):
            raise
        return Done()
    return Done(partial(store.keep_proof, grid_id=grid.id, proved_at=tools.clock.now(), seconds=proof.seconds))


async def _is_full(grid: Grid, tools: Tools) -> bool:
    quota = grid.quota_bytes
    return quota is not None and await tools.cloud(grid.region).buckets.holds(
        present(grid.bucket), quota - _PROOF_BYTES
    )


STEPS: Mapping[Stage, Step] = MappingProxyType(
    {
        Stage.IDENTITY: mint_identity,
        Stage.BUCKET: make_bucket,
        Stage.CREDENTIALS: prove_right,
        Stage.HOST: place,
        Stage.BOOT: wait_for_host,
        Stage.NODE: start_node,
        Stage.DNS: name_in_dns,
        Stage.PROOF: prove,
        Stage.STOP: leaving.stop_node,
        Stage.UNNAME: leaving.take_out_of_dns,
        Stage.RELEASE: leaving.release_place,
        Stage.REVOKE: leaving.revoke_credentials,
        Stage.EMPTY: leaving.delete_bucket,
        Stage.FORGET: leaving.forget_identity,
    }
)

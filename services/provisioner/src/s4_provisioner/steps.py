"""One coroutine for each stage, from a payment to a proof: the runbook. The way down is in leaving.

Each may be ended on any line and be done again. What it promises is its docstring; what it learned is kept by the
outcome's ``apply``. Anything random is kept before it is used.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial, wraps
from types import MappingProxyType

from s4_contracts.ids import HostId
from s4_provisioner import identity, leaving, names, store
from s4_provisioner.capability import furl_of, identity_of, shares_of, whereabouts
from s4_provisioner.grids import Grid, Host, host_of, present
from s4_provisioner.hosts.ec2 import PlanOutdated, ProfileNotVisible
from s4_provisioner.hosts.user_data import HostKey, new_host_key, user_data
from s4_provisioner.lifecycle import Stage
from s4_provisioner.node_files import apply_payload
from s4_provisioner.outcome import Again, Done, MachineLost, NotYet, Outcome
from s4_provisioner.probe import NotStored
from s4_provisioner.ssh import HostUnreachable, LoginRefused, SshTarget, StrangeHost
from s4_provisioner.tools import Tools
from s4_runtime import Temporary, derived_id

Step = Callable[[Grid, Tools], Awaitable[Outcome]]

_SOON = timedelta(seconds=1)
_GREETING_POLL_SECONDS = 0.1
_GREETING_ROUNDS = 20  # then EC2 is asked whether the machine still lives
_LOGIN_POLL_SECONDS = 0.2
_PROOF_BYTES = 2**20  # more than a proof stores


async def mint_identity(grid: Grid, tools: Tools) -> Outcome:
    """The grid is somebody, for ever: keys, secret names and a DNS name, sealed."""
    if grid.sealed_identity is not None:
        return Done()
    sealed = tools.seal.seal(identity.pack(await identity.mint()), grid.id)
    name = names.dns_name(grid.id, tools.settings.grid_domain)
    return Done(partial(store.keep_identity, grid_id=grid.id, sealed=sealed, dns_name=name))


async def make_bucket(grid: Grid, tools: Tools) -> Outcome:
    """The grid has a bucket that keeps what it is given."""
    bucket = names.bucket(tools.settings.deployment, grid.id)
    await tools.buckets.ensure(bucket, names.tags(tools.settings.deployment, grid.id))
    return Done(partial(store.keep_bucket, grid_id=grid.id, bucket=bucket))


async def lend_credentials(grid: Grid, tools: Tools) -> Outcome:
    """A machine can be given the right to that bucket, and to nothing else."""
    deployment = tools.settings.deployment
    await tools.roles.ensure(
        names.role(deployment, grid.id), names.bucket(deployment, grid.id), names.tags(deployment, grid.id)
    )
    return Done()


async def launch_machine(grid: Grid, tools: Tools) -> Outcome:
    """EC2 has been asked for exactly one machine, which will have the host key that we already know."""
    host = grid.host
    if host is None or host.launch is None or host.sealed_host_key is None or host.host_key is None:
        return await _plan_machine(grid, tools)
    private = tools.seal.open(host.sealed_host_key, host.id).decode()
    told = user_data(HostKey(private, host.host_key), host.launch.user, host.launch.authorized_key)
    try:
        machine = await tools.hosts.launch(grid.id, host, host.launch, told)
    except ProfileNotVisible:
        return NotYet(_SOON)
    except PlanOutdated as outdated:
        return await _without(host, outdated.code, tools)
    return Done(partial(store.keep_instance, host_id=host.id, instance_id=machine.instance_id))


async def _plan_machine(grid: Grid, tools: Tools) -> Outcome:
    host_id = grid.host.id if grid.host else HostId(derived_id("host", grid.id))
    launch = await tools.hosts.plan(names.role(tools.settings.deployment, grid.id))
    key = new_host_key()
    now = tools.clock.now()
    return Again(
        partial(
            store.plan_host,
            grid_id=grid.id,
            host_id=host_id,
            region=tools.settings.aws_region,
            launch=launch,
            sealed=tools.seal.seal(key.private.encode(), host_id),
            host_key=key.public,
            now=now,
        )
    )


async def wait_for_boot(grid: Grid, tools: Tools) -> Outcome:
    """The machine let us in, and proved that it is the one that we asked for."""
    host = host_of(grid)
    if tools.clock.now() - grid.stage_since > tools.settings.boot_limit:
        return await _without(host, "machine-did-not-boot", tools)
    deadline = tools.clock.monotonic() + tools.settings.patience.total_seconds()
    while tools.clock.monotonic() < deadline:
        machine = await tools.hosts.look(present(host.instance_id))
        if machine is not None and machine.state == "gone":
            return await _without(host, "machine-gone", tools)
        if machine is None or machine.address is None:
            await tools.clock.sleep(tools.settings.poll.total_seconds())
        elif await _lets_us_in(SshTarget(machine.address, present(host.host_key)), tools):
            return Done(partial(store.keep_address, host_id=host.id, address=str(machine.address)))
    return NotYet(timedelta(0))


async def _lets_us_in(target: SshTarget, tools: Tools) -> bool:
    """Try for some seconds: first until anybody greets, then until we are let in."""
    for _ in range(_GREETING_ROUNDS):
        if await tools.ssh.is_answering(target.address):
            try:
                await tools.nodes.log_in(target)
            except (HostUnreachable, LoginRefused, StrangeHost):
                await tools.clock.sleep(_LOGIN_POLL_SECONDS)
            else:
                return True
        else:
            await tools.clock.sleep(_GREETING_POLL_SECONDS)
    return False


def on_a_machine(step: Step) -> Step:
    """When the step meets trouble, look first whether the machine still lives."""

    @wraps(step)
    async def watched(grid: Grid, tools: Tools) -> Outcome:
        try:
            return await step(grid, tools)
        except Temporary:
            host = host_of(grid)
            machine = await tools.hosts.look(present(host.instance_id))
            if machine is None or machine.state == "gone":
                return await _without(host, "machine-gone", tools)
            raise

    return watched


@on_a_machine
async def start_node(grid: Grid, tools: Tools) -> Outcome:
    """The grid's introducer and storage server run on the machine, and take connections."""
    host = host_of(grid)
    settings = tools.settings
    where, shares = whereabouts(grid, hint=settings.furl_address_hint), shares_of(grid, settings)
    payload = apply_payload(grid.id, identity_of(grid, tools.seal), where, shares, host.announced_from)
    target = SshTarget(present(host.address), present(host.host_key))
    await tools.nodes.apply(target, grid.id, payload)
    if await tools.nodes.wait_until_listening(target, grid.id, settings.patience):
        return Done()
    return NotYet(timedelta(0))


@on_a_machine
async def name_in_dns(grid: Grid, tools: Tools) -> Outcome:
    """Every name server of the zone says that the grid's name is this machine."""
    host = host_of(grid)
    if grid.dns_change is None:
        change = await tools.zone.point(present(grid.dns_name), present(host.address))
        return Again(partial(store.keep_dns_change, grid_id=grid.id, change=change))
    known = await tools.zone.is_everywhere(grid.dns_change)
    if known is None:
        return Again(partial(store.keep_dns_change, grid_id=grid.id, change=None))
    return Done() if known else NotYet(_SOON)


@on_a_machine
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
    return quota is not None and await tools.buckets.holds(present(grid.bucket), quota - _PROOF_BYTES)


async def _without(host: Host, code: str, tools: Tools) -> Outcome:
    await tools.hosts.terminate(host)
    return MachineLost(code)


STEPS: Mapping[Stage, Step] = MappingProxyType(
    {
        Stage.IDENTITY: mint_identity,
        Stage.BUCKET: make_bucket,
        Stage.CREDENTIALS: lend_credentials,
        Stage.HOST: launch_machine,
        Stage.BOOT: wait_for_boot,
        Stage.NODE: start_node,
        Stage.DNS: name_in_dns,
        Stage.PROOF: prove,
        Stage.STOP: leaving.stop_node,
        Stage.UNNAME: leaving.take_out_of_dns,
        Stage.RELEASE: leaving.release_machine,
        Stage.REVOKE: leaving.revoke_credentials,
        Stage.EMPTY: leaving.delete_bucket,
        Stage.FORGET: leaving.forget_identity,
    }
)

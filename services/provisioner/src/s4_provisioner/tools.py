"""Everything outside that the steps work with, opened once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from s4_aws.buckets import Buckets
from s4_aws.clients import Clients, open_regions
from s4_aws.machines import Machines
from s4_aws.pace import Pace
from s4_aws.quotas import Quotas
from s4_aws.roles import Roles
from s4_aws.sessions import Sessions
from s4_aws.tagged import Tagged
from s4_aws.zones import Zone
from s4_provisioner import ports
from s4_provisioner.drivers.contract import Driver
from s4_provisioner.drivers.ec2 import Ec2Hosts
from s4_provisioner.drivers.kubernetes import open_clusters
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Fleet
from s4_provisioner.probe import Probe
from s4_provisioner.rights import Rights
from s4_provisioner.sealing import Seal
from s4_provisioner.settings import Settings
from s4_provisioner.ssh import Ssh
from s4_runtime import Clock, Permanent, Temporary, get_logger
from s4_store import Pool

_WHOLE_ACCOUNT = "us-east-1"  # Service Quotas, "Amazon S3 quotas": that of buckets is kept there


class Cloud(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid uses of one region, wherever its host is."""

    buckets: Buckets
    sessions: Rights
    quotas: Quotas
    tagged: Tagged
    roles: Roles
    machines: Machines


class NoDriver(Permanent):
    """The settings do not say how hosts of this kind are reached."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a step is given beside its grid or host."""

    settings: Settings
    fleet: Fleet
    clock: Clock
    pool: Pool
    seal: Seal
    zone: Zone
    probe: Probe
    ssh: Ssh
    clouds: Mapping[str, Cloud]
    # By kind and region.
    drivers: Mapping[tuple[str, str], Driver]

    def cloud(self, region: str) -> Cloud:
        """The region of a grid's bucket; that of the settings for a grid from before there were several."""
        return self.clouds.get(region) or self.clouds[self.settings.aws_region]

    def driver(self, host: Host) -> Driver:
        """How the host is asked for and spoken to. Raises NoDriver."""
        found = self.drivers.get((host.driver, host.region))
        if found is None:
            raise NoDriver("no-driver", driver=host.driver)
        return found

    async def look_ahead(self) -> None:
        """What all grids have in common at AWS is known, and connections are open, before the first grid needs them."""
        hosts = [driver for driver in self.drivers.values() if isinstance(driver, Ec2Hosts)]
        images = {pool.image for pool in self.fleet.pools.values() if pool.driver == "ec2"}
        try:
            await asyncio.gather(
                self.zone.id(),
                *(cloud.sessions.role_arn() for cloud in self.clouds.values()),
                *(driver.common(image) for driver in hosts for image in images),
            )
        except (Temporary, Permanent) as trouble:
            get_logger().warning("aws.not-as-expected", trouble=str(trouble))


def tools_of(
    settings: Settings, clock: Clock, pool: Pool, regions: Mapping[str, Clients], everywhere: Clients | None = None
) -> Tools:
    """The adapters of this deployment over these connections to AWS.

    ``everywhere``: those of the one region that knows the quotas of the whole account.
    """
    home = regions[settings.aws_region]
    quotas = (everywhere or home).quotas
    ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
    rights = {
        region: Rights(Sessions(clients.sts, clients.iam, clock), settings.deployment, settings.session_length)
        for region, clients in regions.items()
    }
    return Tools(
        settings=settings,
        fleet=settings.pools(),
        clock=clock,
        pool=pool,
        seal=Seal(settings.seal_key),
        zone=Zone(home.route53, settings.hosted_zone, home.pace, clock),
        probe=Probe(settings.probe_command, settings.probe_limit, settings.probes_at_once),
        ssh=ssh,
        clouds={
            region: Cloud(
                buckets=Buckets(clients.s3, region),
                sessions=rights[region],
                quotas=Quotas(clients.quotas, quotas, clients.ec2, clients.s3),
                tagged=Tagged(clients),
                roles=Roles(clients.iam),
                machines=Machines(clients.ec2),
            )
            for region, clients in regions.items()
        },
        drivers={("ec2", region): _ec2(clients, ssh, settings, clock) for region, clients in regions.items()},
    )


def _ec2(clients: Clients, ssh: Ssh, settings: Settings, clock: Clock) -> Driver:
    return Ec2Hosts(
        Machines(clients.ec2),
        ssh=ssh,
        settings=settings,
        ports=ports.read(settings.grid_ports),
        clock=clock,
    )


@asynccontextmanager
async def open_tools(settings: Settings, clock: Clock, pool: Pool) -> AsyncIterator[Tools]:
    """Everything that the steps need, for as long as the block lasts."""
    wanted = {settings.aws_region, *(each.region for each in settings.pools().pools.values())}
    async with open_regions(settings.aws_endpoint_url, clock, Pace(clock, settings.aws_share)) as regions:
        clients = {region: await regions.of(region) for region in sorted(wanted)}
        tools = tools_of(settings, clock, pool, clients, await regions.of(_WHOLE_ACCOUNT))
        async with open_clusters(settings.clusters, settings.deployment, clock) as clusters:
            yield msgspec.structs.replace(tools, drivers={**tools.drivers, **clusters})

"""Everything outside that the steps work with, opened once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from s4_aws.buckets import Buckets
from s4_aws.clients import Clients, open_clients
from s4_aws.roles import Roles
from s4_aws.zones import Zone
from s4_contracts.ids import GridId
from s4_provisioner import names
from s4_provisioner.hosts.ec2 import Ec2Hosts
from s4_provisioner.node_host import NodeHost
from s4_provisioner.probe import Probe
from s4_provisioner.sealing import Seal
from s4_provisioner.settings import Settings
from s4_provisioner.ssh import Ssh
from s4_runtime import Clock, Permanent, Temporary, get_logger


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a step is given beside its grid."""

    settings: Settings
    clock: Clock
    seal: Seal
    buckets: Buckets
    roles: Roles
    zone: Zone
    hosts: Ec2Hosts
    ssh: Ssh
    nodes: NodeHost
    probe: Probe

    async def look_ahead(self) -> None:
        """What all grids have in common at AWS is known, and connections are open, before the first grid needs them."""
        nothing = names.bucket(self.settings.deployment, GridId("none"))
        try:
            await asyncio.gather(
                self.hosts.common(), self.zone.id(), self.buckets.exists(nothing), self.roles.exists(nothing)
            )
        except (Temporary, Permanent) as trouble:
            get_logger().warning("aws.not-as-expected", trouble=str(trouble))


def tools_of(settings: Settings, clock: Clock, clients: Clients) -> Tools:
    """The adapters of this deployment over these connections to AWS."""
    ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
    return Tools(
        settings=settings,
        clock=clock,
        seal=Seal(settings.seal_key),
        buckets=Buckets(clients.s3, settings.aws_region),
        roles=Roles(clients.iam),
        zone=Zone(clients.route53, settings.hosted_zone),
        hosts=Ec2Hosts(clients.ec2, settings),
        ssh=ssh,
        nodes=NodeHost(ssh),
        probe=Probe(settings.probe_command, settings.probe_limit, settings.probes_at_once),
    )


@asynccontextmanager
async def open_tools(settings: Settings, clock: Clock) -> AsyncIterator[Tools]:
    """Everything that the steps need, for as long as the block lasts."""
    async with open_clients(settings.aws_region, settings.aws_endpoint_url) as clients:
        yield tools_of(settings, clock, clients)

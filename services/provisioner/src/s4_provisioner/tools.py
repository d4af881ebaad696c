"""Everything outside that the steps work with, opened once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from s4_provisioner.aws.buckets import Buckets
from s4_provisioner.aws.clients import open_clients
from s4_provisioner.aws.roles import Roles
from s4_provisioner.aws.zones import Zone
from s4_provisioner.hosts.ec2 import Ec2Hosts, Ec2Settings
from s4_provisioner.hosts.user_data import public_half
from s4_provisioner.node_host import NodeHost
from s4_provisioner.probe import Probe
from s4_provisioner.sealing import Seal
from s4_provisioner.settings import Settings
from s4_provisioner.ssh import Ssh
from s4_runtime import Clock


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


@asynccontextmanager
async def open_tools(settings: Settings, clock: Clock) -> AsyncIterator[Tools]:
    """The adapters of this deployment, for as long as the block lasts."""
    ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
    machines = Ec2Settings(
        deployment=settings.deployment,
        image_name=settings.ami_name,
        instance_type=settings.instance_type,
        disk_gib=settings.disk_gib,
        user=settings.host_user,
        authorized_key=public_half(settings.ssh_key),
        subnet=settings.subnet,
        ssh_from=settings.ssh_from,
        ssh_port=settings.ssh_port,
    )
    async with open_clients(settings.aws_region, settings.aws_endpoint_url) as clients:
        yield Tools(
            settings=settings,
            clock=clock,
            seal=Seal(settings.seal_key),
            buckets=Buckets(clients.s3, settings.aws_region),
            roles=Roles(clients.iam),
            zone=Zone(clients.route53, settings.hosted_zone),
            hosts=Ec2Hosts(clients.ec2, machines),
            ssh=ssh,
            nodes=NodeHost(ssh),
            probe=Probe(settings.probe_command, settings.probe_limit, settings.probes_at_once),
        )

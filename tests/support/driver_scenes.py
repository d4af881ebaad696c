"""One kind of host for the drivers' conformance tests: how a host of it comes up, and what a driver cannot do to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import yaml

from s4_aws.clients import open_clients
from s4_aws.machines import Machines
from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner import ports
from s4_provisioner.drivers.clusters import Cluster as ClusterSettings
from s4_provisioner.drivers.contract import Driver
from s4_provisioner.drivers.ec2 import Ec2Hosts
from s4_provisioner.drivers.kube_api import KubeApi
from s4_provisioner.drivers.kubernetes import KubernetesHosts
from s4_provisioner.drivers.manifests import namespace_name
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.fleet.pools import Pool
from s4_provisioner.identity import Identity, Tub
from s4_provisioner.node_files import Shares, Whereabouts, apply_payload
from s4_provisioner.ssh import Ssh
from s4_runtime import Secret, SystemClock, new_id
from support.cluster import Cluster
from support.grid_cloud import REGION, Cloud
from support.memory_hosts import MemoryHosts
from support.provisioner import some_settings
from support.waiting import until

ROOT = Path(__file__).parents[2]
PATIENCE = timedelta(seconds=20)
IMAGE = "registry.invalid/s4/s4-node:1"
IDENTITY = Identity(
    introducer=Tub(pem="PEM of the introducer\n", tub_id="i" * 32, swissnum="a" * 32),
    storage=Tub(pem="PEM of the storage server\n", tub_id="s" * 32, swissnum="b" * 32),
    announcement_key="priv-v0-" + "c" * 52,
)


def a_session(hours: int = 1) -> Session:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    return Session(
        access_key_id="ASIAEXAMPLE", secret_access_key=Secret("secret"), session_token=Secret("token"), expires_at=until
    )


def a_payload(grid: GridId, port: int = 34001, session: Session | None = None, quota: int = 10**9) -> bytes:
    shares = Shares(
        bucket=f"s4-t-{grid}", region=REGION, endpoint=None, quota_bytes=quota, session=session or a_session()
    )
    where = Whereabouts(f"g{grid}.grids.test", port, None)
    return apply_payload(grid, IDENTITY, where, shares, announced_from=1767225600, shard=None)


def a_host(kind: str, pool: str = "small") -> Host:
    now = datetime.now(UTC)
    return Host(
        id=HostId(new_id()), driver=kind, pool=pool, region=REGION, zone=None, release=None, wanted=HostWanted.OPEN,
        reason=None, stage=HostStage.PLAN, stage_since=now, attempts=0, request=None, sealed_host_key=None,
        host_key=None, instance_id=None, address=None, ready_at=None, failed_code=None, created_at=now,
    )  # fmt: skip


class Scene:
    """A driver, a pool of its kind, and the hands of somebody else on the same platform."""

    def __init__(self, kind: str, driver: Driver, pool: Pool, lose: Callable[[Host], Any], kinds: set[str]) -> None:
        self.kind, self.driver, self.pool = kind, driver, pool
        self.lose = lose  # the host is ended by somebody else
        self.leftover_kinds = kinds

    async def planned(self) -> tuple[Host, Secret | None]:
        """A host as it is after its first step, and its key."""
        host = a_host(self.kind)
        plan = await self.driver.plan(host, self.pool)
        return msgspec.structs.replace(host, request=plan.request, host_key=plan.public_key), plan.private_key

    async def up(self) -> Host:
        """A host that takes grids."""
        host, key = await self.planned()
        host = msgspec.structs.replace(host, instance_id=await self.driver.launch(host, key))

        async def lets_us_in() -> Host | None:
            machine = (await self.driver.look([host])).get(host.id)
            if machine is None or machine.state != "alive":
                return None
            there = msgspec.structs.replace(host, address=machine.address)
            return there if await self.driver.greets(there) else None

        found: Host = await until(lets_us_in, within=30, what="the host greets")
        return found

    async def serves(self, host: Host, grid: GridId, **more: Any) -> IPv4Address:
        """The grid is on the host, at this address."""
        address = await self.driver.apply(host, grid, a_payload(grid, **more), PATIENCE)
        assert address is not None
        return address


@asynccontextmanager
async def memory_scene() -> AsyncIterator[Scene]:
    driver = MemoryHosts(SystemClock())

    def lose(host: Host) -> None:
        driver.machines[host.id].state = "gone"

    yield Scene("memory", driver, Pool(), lose, {"machine"})


@asynccontextmanager
async def ec2_scene(cloud: Cloud) -> AsyncIterator[Scene]:
    settings, clock = some_settings("postgresql://nowhere", cloud), SystemClock()

    def lose(host: Host) -> None:
        assert host.instance_id
        cloud.client("ec2").terminate_instances(InstanceIds=[host.instance_id])

    async with open_clients(REGION, cloud.endpoint) as clients:
        ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
        driver = Ec2Hosts(
            Machines(clients.ec2), ssh=ssh, settings=settings, ports=ports.read(settings.grid_ports), clock=clock
        )
        pool = Pool(region=REGION, image=settings.ami_name, instance_type=settings.instance_type, capacity=50)
        try:
            yield Scene("ec2", driver, pool, lose, {"instance"})
        finally:
            cloud.mend()
            await asyncio.to_thread(cloud.end_machines, settings.deployment)


def prepare(cluster: Cluster, folder: Path) -> dict[str, Any]:
    """How the provisioner gets into the cluster, which is prepared for it as the handbook says."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "s4"}})
    for file in sorted((ROOT / "k8s" / "grids").glob("*.yaml")):
        for wanted in yaml.safe_load_all(file.read_text()):
            if wanted["kind"] != "Kustomization":
                status, answer = cluster.apply(wanted)
                assert status < 300, answer
    token = cluster.account("s4-provisioner", "s4")
    kubeconfig = cluster.kubeconfig_of(token, folder / "provisioner.kubeconfig")
    return {"kubeconfig": str(kubeconfig), "role": "s4-grids-host", "account": "s4/s4-provisioner"}


@asynccontextmanager
async def kubernetes_scene(
    cluster: Cluster, way_in: dict[str, Any], *, unheard: timedelta = PATIENCE, **how: Any
) -> AsyncIterator[Scene]:
    deployment = f"t{new_id()[-10:]}"
    api = KubeApi(way_in["kubeconfig"])
    driver = KubernetesHosts(api, ClusterSettings(**way_in, **how), deployment, SystemClock(), unheard=unheard)

    def lose(host: Host) -> None:
        assert cluster.delete("Namespace", namespace_name(deployment, host.id))[0] == 200

    pool = Pool(driver="kubernetes", region=REGION, image=IMAGE, isolation="process", capacity=3)
    try:
        yield Scene("kubernetes", driver, pool, lose, {"namespace", "statefulset", "service"})
    finally:
        cluster.control("DELETE", "/faults")
        await api.close()
        for each in cluster.list("Namespace", query=f"labelSelector=s4/deployment%3D{deployment}"):
            cluster.delete("Namespace", each["metadata"]["name"])

"""Hosts on Kubernetes: a host is a namespace, a grid in it is a stateful set of one pod with an address of its own."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner.drivers import clusters, manifests, reports
from s4_provisioner.drivers.clusters import Cluster
from s4_provisioner.drivers.contract import HostReport, HostSilent, Leftover, Machine, Plan, lent
from s4_provisioner.drivers.kube_api import ClusterRefused, KubeApi
from s4_provisioner.drivers.manifests import DEPLOYMENT, GRID, HOST, LENT_UNTIL, HostRequest, grid_name, keys_name
from s4_provisioner.drivers.reports import NoNodeImage
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Pool
from s4_provisioner.grids import present
from s4_runtime import Clock, Permanent, Secret, Temporary

_POLL_SECONDS = 0.5
_STOP_LIMIT = timedelta(seconds=45)  # longer than a pod may take to end
# A pod on a node that is not heard of is taken to be dead this long after it should have ended.
_UNHEARD = timedelta(seconds=60)
# A reference to an image (OCI distribution specification, "Pulling manifests"), as far as a typing error goes.
_IMAGE = re.compile(r"[a-z0-9][-a-z0-9._/:]*[a-z0-9](:[-\w.]{1,128})?(@sha256:[0-9a-f]{64})?")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PARTS = ("StatefulSet", "Service", "NetworkPolicy")


class BadPoolName(Permanent):
    """A pool's name is a label on Kubernetes, and cannot be one."""


class GridStillThere(Temporary):
    """Something of the grid has not gone yet."""


class KubernetesHosts:
    """Namespaces of one cluster."""

    def __init__(
        self, api: KubeApi, cluster: Cluster, deployment: str, clock: Clock, *, unheard: timedelta = _UNHEARD
    ) -> None:
        self._api, self._cluster, self._deployment = api, cluster, deployment
        self._clock, self._unheard = clock, unheard

    async def plan(self, host: Host, pool: Pool) -> Plan:
        """What the namespace will be for. Raises NoNodeImage and BadPoolName for a pool that no pod can be made of."""
        if not _IMAGE.fullmatch(host.release or pool.image):
            raise NoNodeImage("no-node-image", pool=host.pool)
        if not _LABEL.fullmatch(host.pool):
            raise BadPoolName("bad-pool-name", pool=host.pool)
        request = HostRequest(image=host.release or pool.image, slots=pool.slots, zone=host.zone)
        return Plan(request=msgspec.json.encode(request).decode())

    async def launch(self, host: Host, private_key: Secret | None) -> str:
        """The namespace is there with its rules: nobody speaks with anybody, nothing is privileged, nothing is more."""
        del private_key  # nobody logs in
        namespace, inner = manifests.host_objects(self._deployment, host.id, host.pool, _request(host), self._cluster)
        await self._api.apply(namespace)
        if bound := manifests.binding(self._deployment, host.id, host.pool, self._cluster):
            await self._api.apply(bound)
            await self._wait_for_rights(host)
        for each in inner:
            await self._api.apply(each)
        return str(namespace["metadata"]["name"])

    async def _wait_for_rights(self, host: Host) -> None:
        """A right that was just given takes a moment until it holds everywhere."""
        try:
            await self._api.list("Pod", self._place(host), {HOST: host.id})
        except ClusterRefused:
            raise HostSilent("rights-not-visible", retry_after=timedelta(seconds=1)) from None

    async def look(self, hosts: Sequence[Host], *, checks: bool = False) -> Mapping[HostId, Machine]:
        """Which namespaces there are. Kubernetes' own checks are of its nodes, from which it moves pods by itself."""
        del checks
        found = {each.metadata.name: each for each in await self._api.list("Namespace", "", self._all())}
        wanted = {self._place(host): host.id for host in hosts if host.instance_id}
        for name in wanted.keys() - found.keys():  # its labels may have been taken off by hand
            if (there := await self._api.get("Namespace", name)) is not None:
                found[name] = there
        return {wanted[name]: reports.machine(found[name]) for name in wanted.keys() & found.keys()}

    async def terminate(self, host: Host) -> bool:
        """The namespace is told to end; True when it is gone with all that was in it."""
        if await self._api.get("Namespace", self._place(host)) is None:
            return True
        await self._api.delete("Namespace", self._place(host))
        with suppress(ClusterRefused):  # our rights in there may have gone before the last pod
            for pod in await self._api.list("Pod", self._place(host), {HOST: host.id}):
                await self._give_up_unheard(pod)
        return await self._api.get("Namespace", self._place(host)) is None

    async def greets(self, host: Host) -> bool:
        """Whether the namespace is there to take grids."""
        found = await self._api.get("Namespace", self._place(host))
        return found is not None and reports.machine(found).state == "alive"

    async def report(self, host: Host) -> HostReport:
        """What the cluster says of the namespace's grids; of its nodes' clocks and disks it says nothing.

        A pod that a lost node keeps from being replaced is given up on the way.
        """
        if not await self.greets(host):
            raise HostSilent("no-namespace")
        mine = {HOST: host.id}
        sets, pods = await asyncio.gather(
            self._api.list("StatefulSet", self._place(host), mine), self._api.list("Pod", self._place(host), mine)
        )
        for pod in pods:
            await self._give_up_unheard(pod)
        return HostReport(
            version=_request(host).image,
            clock=self._clock.now().timestamp(),
            memory_available_mib=None,
            disk_free_mib=None,
            grids=reports.grids(sets, pods, self._clock.now()),
        )

    async def apply(self, host: Host, grid: GridId, payload: bytes, patience: timedelta) -> IPv4Address | None:
        """The grid's pod serves what the payload says; the address of its Service."""
        wanted = manifests.grid_request(grid, payload)
        for each in manifests.grid_objects(self._deployment, host.id, wanted, _request(host), self._cluster):
            await self._api.apply(each)
        deadline = self._clock.monotonic() + patience.total_seconds()
        while True:
            pod = await self._pod(host, grid)
            if pod is not None and reports.serves(pod, wanted.digest) and (address := await self._address(host, grid)):
                return address
            if pod is not None:
                reports.require_hope(pod)
                await self._give_up_unheard(pod)
            if self._clock.monotonic() > deadline:
                return None
            await self._clock.sleep(_POLL_SECONDS)

    async def stop(self, host: Host, grid: GridId) -> None:
        """No pod of the grid runs, as far as the cluster can know."""
        await self._api.change("StatefulSet", grid_name(grid), self._place(host), {"spec": {"replicas": 0}})
        deadline = self._clock.monotonic() + _STOP_LIMIT.total_seconds()
        while (pod := await self._pod(host, grid)) is not None:
            await self._give_up_unheard(pod)
            if self._clock.monotonic() > deadline:
                raise GridStillThere("node-still-runs")
            await self._clock.sleep(_POLL_SECONDS)

    async def remove(self, host: Host, grid: GridId) -> None:
        """Nothing of the grid is in the namespace."""
        await self.stop(host, grid)
        place = self._place(host)
        for kind, name in (*((kind, grid_name(grid)) for kind in (*_PARTS, "Secret")), ("Secret", keys_name(grid))):
            await self._api.delete(kind, name, place)
        for kind in _PARTS:  # a load balancer takes a while to be given back
            if await self._api.get(kind, grid_name(grid), place) is not None:
                raise GridStillThere("grid-still-there")

    async def lend(self, host: Host, sessions: Mapping[GridId, Session]) -> set[GridId]:
        """The kubelets bring the sessions to the pods, within about a minute."""
        lending = (self._lend(host, grid, session) for grid, session in sessions.items())
        taken = await asyncio.gather(*lending)
        return {grid for grid, is_there in zip(sessions, taken, strict=True) if not is_there}

    async def leftovers(self) -> Sequence[Leftover]:
        """Every namespace of the deployment, and every grid in them."""
        spaces = await self._api.list("Namespace", "", self._all())
        found = [_leftover("namespace", each) for each in spaces]
        for space in spaces:
            for kind in ("StatefulSet", "Service"):
                inside = await self._api.list(kind, space.metadata.name, self._all())
                found += [_leftover(kind.lower(), each) for each in inside]
        return found

    def _all(self) -> dict[str, str]:
        return {DEPLOYMENT: self._deployment}

    def _place(self, host: Host) -> str:
        return manifests.namespace_name(self._deployment, host.id)

    async def _pod(self, host: Host, grid: GridId) -> Any:
        pods = await self._api.list("Pod", self._place(host), {GRID: grid})
        return pods[0] if pods else None

    async def _lend(self, host: Host, grid: GridId, session: Session) -> bool:
        told = lent(session)
        if not await self._api.change("Secret", keys_name(grid), self._place(host), manifests.keys_of(told)):
            return False
        until = {"metadata": {"annotations": {LENT_UNTIL: told["expires_at"]}}}
        return await self._api.change("StatefulSet", grid_name(grid), self._place(host), until)

    async def _give_up_unheard(self, pod: Any) -> None:
        """A pod that should have ended, on a node that nobody hears of, is no more: its successor need not wait.

        Its node may still run it, unseen: no client is led there, its session ends within the hour, and what two
        nodes write into one bucket at a time they write under conditions.
        """
        if not reports.is_overdue(pod, self._clock.now(), self._unheard):
            return
        node = await self._api.get("Node", pod.spec.nodeName) if pod.spec.nodeName else None
        if node is None or not reports.is_ready(node):
            await self._api.delete("Pod", pod.metadata.name, pod.metadata.namespace, by_force=True)

    async def _address(self, host: Host, grid: GridId) -> IPv4Address | None:
        """Where clients reach the grid's ports: its balancer, or any node that is well."""
        if self._cluster.service == "NodePort":
            nodes = await self._api.list("Node", "", self._cluster.node_selector)
            return min(reports.addresses(nodes), default=None)
        service = await self._api.get("Service", grid_name(grid), self._place(host))
        where = reports.ingress(service)
        if not where:
            return None
        try:
            return IPv4Address(where)
        except ValueError:
            return await _resolved(where)


@asynccontextmanager
async def open_clusters(
    setting: str, deployment: str, clock: Clock
) -> AsyncIterator[Mapping[tuple[str, str], KubernetesHosts]]:
    """The driver of each region that has a cluster, for as long as the block lasts. Raises ClusterRefused."""
    async with AsyncExitStack() as stack:
        found = {}
        for region, cluster in clusters.read(setting).items():
            api = KubeApi(cluster.kubeconfig)
            stack.push_async_callback(api.close)
            found["kubernetes", region] = KubernetesHosts(api, cluster, deployment, clock)
        yield found


async def _resolved(name: str) -> IPv4Address | None:
    """The first address of a balancer that is known by a name; None as long as nobody knows it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET)
    except OSError:
        return None
    return min((IPv4Address(each[4][0]) for each in found), default=None)


def _request(host: Host) -> HostRequest:
    return msgspec.json.decode(present(host.request), type=HostRequest)


def _leftover(kind: str, one: Any) -> Leftover:
    labels, created = one.metadata.labels or {}, one.metadata.creationTimestamp
    return Leftover(
        kind=kind,
        id=f"{one.metadata.namespace}/{one.metadata.name}" if one.metadata.namespace else one.metadata.name,
        host_id=HostId(labels[HOST]) if HOST in labels else None,
        grid_id=GridId(labels[GRID]) if GRID in labels else None,
        created_at=created if isinstance(created, datetime) else None,
    )

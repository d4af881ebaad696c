"""A grid that moves between EC2 and Kubernetes: the same furl, and a client that runs all the while reads on."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from s4_contracts.ids import GridId
from s4_devcloud.machines.doors import Doors, tcp
from s4_devcloud.machines.network import Network
from s4_provisioner import identity
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.identity import Identity
from s4_provisioner.node_files import Shares, Whereabouts, apply_payload, customers_furl
from s4_runtime import new_id
from s4_shop.demo.tahoe import TahoeClient
from support.cluster import local_cluster
from support.driver_scenes import PATIENCE, Scene, a_session, ec2_scene, kubernetes_scene, prepare
from support.grid_cloud import REGION, Cloud
from support.provisioner import real_tahoe

PORT = 34181  # of those that the machines' security group opens


class Front:
    """A name's place: what clients know, and what leads to where the grid is now."""

    def __init__(self, doors: Doors, address: str) -> None:
        self._doors, self.address = doors, address

    def lead_to(self, address: IPv4Address) -> None:
        for port in (PORT, PORT + 1):
            self._doors.shut("front", tcp(self.address, port))
            self._doors.open("front", tcp(self.address, port), tcp(str(address), port))


@contextmanager
def a_front(state: Path) -> Iterator[Front]:
    state.mkdir()
    network, doors = Network.claim(None, state), Doors()
    try:
        yield Front(doors, network.take(PORT))
    finally:
        doors.close()
        network.release()


class Moving:
    """A grid as it is told to each host in turn."""

    def __init__(self, cloud: Cloud, front: Front, who: Identity) -> None:
        self.id, self._cloud, self._front, self._who = GridId(new_id()), cloud, front, who
        self._bucket = f"s4-moving-{self.id}"
        self._where = Whereabouts(front.address, PORT, None)
        self._announced = 1767225600
        self._host: Host | None = None
        self._scene: Scene | None = None
        cloud.client("s3").create_bucket(Bucket=self._bucket)

    @property
    def furl(self) -> str:
        return customers_furl(self._who, self._where)

    async def onto(self, scene: Scene) -> None:
        """It is served by a new host of this kind alone, and clients are led there."""
        shares = Shares(
            bucket=self._bucket, region=REGION, endpoint=self._cloud.endpoint, quota_bytes=None, session=a_session()
        )
        self._announced += 1
        told = apply_payload(self.id, self._who, self._where, shares, announced_from=self._announced, shard=None)
        host = await scene.up()
        if self._host is not None and self._scene is not None:
            await self._scene.driver.stop(self._host, self.id)
        self._host, self._scene = host, scene
        address = await scene.driver.apply(host, self.id, told, 2 * PATIENCE)
        assert address is not None
        self._front.lead_to(address)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("moves", [1, 2])
async def test_a_running_client_reads_on_when_its_grid_moves_to_kubernetes_and_back(
    tahoe_cloud: Cloud, tmp_path: Path, moves: int
) -> None:
    content = secrets.token_bytes(300_000)
    with (
        a_front(tmp_path / "front") as front,
        local_cluster(tmp_path / "cluster", tahoe_cloud.image.folder) as cluster,
    ):
        grid = Moving(tahoe_cloud, front, await identity.mint())
        async with (
            ec2_scene(tahoe_cloud) as machines,
            kubernetes_scene(cluster, prepare(cluster, tmp_path)) as namespaces,
        ):
            await grid.onto(machines)
            async with TahoeClient.running(real_tahoe(tahoe_cloud, tmp_path), grid.furl) as client:
                file = await client.put(content)
                for scene in (namespaces, machines)[:moves]:
                    await grid.onto(scene)
                    assert await client.get_again(file, within=90) == content
                    assert await client.get(await client.put(content[::-1])) == content[::-1]
            async with TahoeClient.running(real_tahoe(tahoe_cloud, tmp_path), grid.furl) as stranger:
                assert await stranger.get(file) == content

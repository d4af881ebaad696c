"""What is Kubernetes' own: rooms that are full, nodes that are lost, objects that somebody else has changed."""

import re
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s4_contracts.ids import GridId
from s4_provisioner.drivers.clusters import Resources
from s4_provisioner.drivers.contract import HostFull
from s4_provisioner.drivers.kube_api import ClusterFull, ClusterRefused, ClusterUnavailable, KubeApi
from s4_provisioner.drivers.kubernetes import BadPoolName
from s4_provisioner.drivers.manifests import grid_name, keys_name
from s4_provisioner.drivers.reports import NoNodeImage
from s4_provisioner.fleet.hosts import Host
from s4_runtime import Permanent, Temporary, new_id
from support.cluster import MERGE, PATHS, Cluster, light_nodes, local_cluster
from support.driver_scenes import PATIENCE, Scene, a_host, a_payload, a_session, kubernetes_scene, prepare
from support.waiting import until

pytestmark = pytest.mark.long  # the conformance suite and a whole life on Kubernetes are its quick form


@pytest.fixture
def cluster(cluster_of_all: Cluster) -> Cluster:
    return cluster_of_all


@pytest.fixture
def scene(on_kubernetes: Scene) -> Scene:
    return on_kubernetes


def a_grid() -> GridId:
    return GridId(new_id())


def pod_of(cluster: Cluster, host: Host, grid: GridId) -> dict[str, Any] | None:
    assert host.instance_id
    return cluster.get("Pod", f"{grid_name(grid)}-0", host.instance_id)


async def test_a_session_that_is_lent_later_reaches_the_same_pod(cluster: Cluster, scene: Scene) -> None:
    host, grid = await scene.up(), a_grid()
    await scene.serves(host, grid)
    before = pod_of(cluster, host, grid)
    session = a_session(hours=3)

    await scene.driver.lend(host, {grid: session})

    def is_there() -> bool:
        assert before is not None
        with urllib.request.urlopen(f"http://{before['status']['podIP']}:9464/readyz", timeout=5) as answer:
            return session.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ") in answer.read().decode()

    await until(is_there, within=10, what="the pod reads the new session")
    after = pod_of(cluster, host, grid)
    assert after is not None
    assert before is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert (await scene.driver.report(host)).grids[grid].credentials_until == session.expires_at


async def test_another_specification_is_served_by_another_pod(cluster: Cluster, scene: Scene) -> None:
    host, grid = await scene.up(), a_grid()
    first = await scene.serves(host, grid)
    before = pod_of(cluster, host, grid)

    second = await scene.serves(host, grid, quota=2 * 10**9)

    after = pod_of(cluster, host, grid)
    assert first == second
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


async def test_a_node_that_is_not_ready_in_time_is_waited_for_by_others(scene: Scene) -> None:
    host, grid = await scene.up(), a_grid()

    first = await scene.driver.apply(host, grid, a_payload(grid), timedelta(0))

    assert first is None
    assert await scene.driver.apply(host, grid, a_payload(grid), PATIENCE) is not None


async def test_what_was_changed_by_hand_is_put_right(cluster: Cluster, scene: Scene) -> None:
    host, grid = await scene.up(), a_grid()
    await scene.serves(host, grid)
    place = str(host.instance_id)
    harm = {"spec": {"selector": {"s4/grid": "nobody"}}}
    assert cluster.ask("PATCH", f"{PATHS['Service'].format(place)}/{grid_name(grid)}", harm, MERGE)[0] == 200
    cluster.delete("NetworkPolicy", grid_name(grid), place)
    cluster.delete("Secret", keys_name(grid), place)

    await scene.serves(host, grid)

    service = cluster.get("Service", grid_name(grid), place)
    assert service is not None
    assert service["spec"]["selector"] == {"s4/grid": grid}
    assert cluster.get("NetworkPolicy", grid_name(grid), place) is not None


async def test_a_namespace_without_its_labels_is_found_all_the_same(cluster: Cluster, scene: Scene) -> None:
    host = await scene.up()
    bare = {"metadata": {"labels": {"s4/deployment": None}}}
    assert cluster.ask("PATCH", f"api/v1/namespaces/{host.instance_id}", bare, MERGE)[0] == 200

    assert (await scene.driver.look([host]))[host.id].state == "alive"
    await scene.driver.launch(host, None)
    assert [left.id for left in await scene.driver.leftovers()] == [host.instance_id]


async def test_a_full_namespace_takes_no_more(scene: Scene) -> None:
    host = await scene.up()
    for number in range(scene.pool.slots):
        await scene.serves(host, a_grid(), port=34031 + 2 * number)

    with pytest.raises(HostFull):
        await scene.driver.apply(host, grid := a_grid(), a_payload(grid, port=34099), PATIENCE)


async def test_a_pod_for_which_no_node_has_room_is_said(cluster: Cluster, way_in: dict[str, Any]) -> None:
    huge = Resources(memory="900Gi", memory_limit="901Gi")
    async with kubernetes_scene(cluster, way_in, resources=huge) as scene:
        host, grid = await scene.up(), a_grid()
        with pytest.raises(ClusterFull, match="no-node-has-room"):
            await scene.driver.apply(host, grid, a_payload(grid), PATIENCE)


async def test_an_image_that_does_not_exist_is_for_a_person_to_look_at(scene: Scene) -> None:
    scene.pool = msgspec.structs.replace(scene.pool, image="registry.invalid/other:1")
    host, grid = await scene.up(), a_grid()

    with pytest.raises(NoNodeImage):
        await scene.driver.apply(host, grid, a_payload(grid), PATIENCE)


@pytest.mark.parametrize("image", ["s4-node-*", "", "registry.invalid/s4 node", "REGISTRY/s4-node"])
async def test_a_pool_without_an_image_of_containers_makes_no_host(scene: Scene, image: str) -> None:
    scene.pool = msgspec.structs.replace(scene.pool, image=image)

    with pytest.raises(NoNodeImage):
        await scene.planned()


async def test_a_pool_is_called_as_a_label_can_be(scene: Scene) -> None:
    with pytest.raises(BadPoolName):
        await scene.driver.plan(a_host("kubernetes", pool="grids & more"), scene.pool)


async def test_at_node_ports_the_nodes_answer(cluster: Cluster, way_in: dict[str, Any]) -> None:
    async with kubernetes_scene(cluster, way_in, service="NodePort") as scene:
        host, grid = await scene.up(), a_grid()

        address = await scene.serves(host, grid, port=34901)

        nodes = [node["status"]["addresses"][0]["address"] for node in cluster.list("Node")]
        assert str(address) in nodes


async def test_a_pod_on_a_lost_node_does_not_keep_its_grid_from_moving(tmp_path: Path) -> None:
    with local_cluster(tmp_path / "state", light_nodes(tmp_path / "image")) as own:
        async with kubernetes_scene(own, prepare(own, tmp_path), unheard=timedelta(seconds=1)) as scene:
            host, grid = await scene.up(), a_grid()
            await scene.serves(host, grid)
            pod = pod_of(own, host, grid)
            assert pod is not None
            own.control("POST", f"/nodes/{pod['spec']['nodeName']}/lose")
            path = f"{PATHS['Pod'].format(host.instance_id)}/{grid_name(grid)}-0"
            assert own.ask("DELETE", path, {"gracePeriodSeconds": 1})[0] == 200

            async def is_replaced() -> bool:
                report = (await scene.driver.report(host)).grids[grid]
                again = pod_of(own, host, grid)
                is_elsewhere = again is not None and again["spec"].get("nodeName") != pod["spec"]["nodeName"]
                return is_elsewhere and report.is_listening

            await until(is_replaced, within=20, what="whoever looks at the host mends it")


@pytest.mark.parametrize("kind", ["networkpolicies", "secrets", "services", "statefulsets"])
async def test_an_apply_whose_answer_was_lost_is_repeated_without_harm(
    cluster: Cluster, scene: Scene, kind: str
) -> None:
    host, grid = await scene.up(), a_grid()
    cluster.fault(kind="cut", verb="patch", resource=kind)

    with pytest.raises(Temporary):
        await scene.driver.apply(host, grid, a_payload(grid), PATIENCE)

    assert await scene.serves(host, grid)
    assert [left.kind for left in await scene.driver.leftovers()] == ["namespace", "statefulset", "service"]


@pytest.mark.parametrize("kind", ["namespaces", "rolebindings", "networkpolicies", "limitranges", "resourcequotas"])
async def test_a_launch_that_was_cut_off_is_finished_by_the_next(cluster: Cluster, scene: Scene, kind: str) -> None:
    host, key = await scene.planned()
    cluster.fault(kind="cut", verb="patch", resource=kind)

    with pytest.raises(Temporary):
        await scene.driver.launch(host, key)

    place = await scene.driver.launch(host, key)
    assert [each["metadata"]["name"] for each in cluster.list("ResourceQuota", place)] == ["grids"]
    assert [each["metadata"]["name"] for each in cluster.list("NetworkPolicy", place)] == ["nobody"]


async def test_a_server_that_is_busy_says_when_to_come_back(cluster: Cluster, scene: Scene) -> None:
    host = await scene.up()
    cluster.fault(kind="error", verb="get", resource="namespaces", code=429, retry_after=7)

    with pytest.raises(ClusterUnavailable) as busy:
        await scene.driver.greets(host)

    assert busy.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("code", "kind"), [(500, Temporary), (503, Temporary), (409, Temporary), (400, Permanent), (403, Permanent)]
)
async def test_errors_of_the_server_are_ours(cluster: Cluster, scene: Scene, code: int, kind: type[Exception]) -> None:
    host = await scene.up()
    cluster.fault(kind="error", verb="get", resource="namespaces", code=code, message="quotes a secret")

    with pytest.raises(kind) as trouble:
        await scene.driver.greets(host)

    assert re.search("secret", str(trouble.value)) is None


async def test_a_token_that_is_not_known_is_for_a_person_to_look_at(cluster: Cluster, tmp_path: Path) -> None:
    api = KubeApi(str(cluster.kubeconfig_of("nobody", tmp_path / "kubeconfig")))

    with pytest.raises(ClusterRefused):
        await api.get("Namespace", "s4")

    await api.close()


async def test_a_server_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    with local_cluster(tmp_path / "state", light_nodes(tmp_path / "image")) as gone:
        kubeconfig = gone.kubeconfig
    api = KubeApi(str(kubeconfig))

    with pytest.raises(ClusterUnavailable):
        await api.get("Namespace", "s4")

    await api.close()


def test_a_cluster_that_nothing_leads_to_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ClusterRefused, match="no-kubeconfig"):
        KubeApi(str(tmp_path / "nothing"))


async def test_many_grids_are_lent_to_in_few_calls_each(cluster: Cluster, scene: Scene) -> None:
    host = await scene.up()
    grids = [a_grid() for _ in range(3)]
    for number, grid in enumerate(grids):
        await scene.serves(host, grid, port=34041 + 2 * number)
    cluster.control("DELETE", "/calls")

    assert await scene.driver.lend(host, dict.fromkeys(grids, a_session())) == set()

    assert cluster.control("GET", "/calls")[1]["calls"] == {"patch secrets": 3, "patch statefulsets": 3}

"""A grid's whole life on Kubernetes, by the convergers: paid, suspended, resumed, ended."""

import json
from datetime import timedelta
from typing import Any

from s4_contracts.provisioner import GridDeleted, InstanceLost, InstanceReady
from s4_provisioner.capability import furl_of
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.grids import Grid
from s4_provisioner.health.watch import Watch
from s4_provisioner.lifecycle import Stage
from support.cluster import Cluster
from support.driver_scenes import IMAGE
from support.grid_cloud import REGION, Cloud
from support.provisioner import a_desk, a_payment
from support.subscriptions import Subscription
from support.waiting import until

POD = {"driver": "kubernetes", "region": REGION, "image": IMAGE, "isolation": "process", "capacity": 3}


def settings(way_in: dict[str, Any], **fleet: Any) -> dict[str, str]:
    usual = {"pools": {"small": POD, "machines": {}}, "otherwise": "small"}
    return {"fleet": json.dumps(usual | fleet), "clusters": json.dumps({REGION: way_in})}


def left_of(cluster: Cluster, place: str, grid_id: str) -> list[str]:
    query, kinds = f"labelSelector=s4/grid%3D{grid_id}", ("StatefulSet", "Secret", "Service", "Pod", "NetworkPolicy")
    return [f"{kind} {each['metadata']['name']}" for kind in kinds for each in cluster.list(kind, place, query)]


def pods(cluster: Cluster, grid: Grid) -> list[str]:
    """Which of the grid's pods there are."""
    assert grid.host
    found = cluster.list("Pod", str(grid.host.instance_id), f"labelSelector=s4/grid%3D{grid.id}")
    return [pod["metadata"]["name"] for pod in found]


async def test_a_grid_lives_and_ends_on_kubernetes(
    database: str, cloud: Cloud, cluster_of_all: Cluster, way_in: dict[str, Any]
) -> None:
    subscription = Subscription(a_payment())
    async with a_desk(database, cloud, **settings(way_in)) as desk, desk.converging():
        grid_id = await desk.pay(subscription.payment)
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)
        (ready,) = await desk.events(InstanceReady, grid_id)

        assert ready.proof_seconds > 0
        assert grid.host is not None
        assert (grid.host.driver, grid.host.stage, grid.host.address) == ("kubernetes", HostStage.READY, None)
        assert cloud.address_of(grid.dns_name) == [str(grid.address)]
        assert pods(cluster_of_all, grid) == [f"grid-{grid_id}-0"]
        assert cloud.instances(desk.settings.deployment) == []

        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        assert pods(cluster_of_all, grid) == []

        await desk.tell(subscription.resumed())
        resumed = await desk.comes_to(grid_id, Stage.READY, within=60)
        assert cloud.address_of(grid.dns_name) == [str(resumed.address)]
        assert pods(cluster_of_all, resumed) == [f"grid-{grid_id}-0"]

        await desk.tell(subscription.ended(timedelta(days=30)))
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.pass_time(timedelta(days=31))
        await desk.comes_to(grid_id, Stage.ABSENT, within=60)
        assert len(await desk.events(GridDeleted, grid_id)) == 1

        place = str(grid.host.instance_id)
        await until(lambda: left_of(cluster_of_all, place, grid_id) == [], within=30, what="nothing is left")


async def test_a_namespace_that_somebody_removes_is_replaced_by_another(
    database: str, cloud: Cloud, cluster_of_all: Cluster, way_in: dict[str, Any]
) -> None:
    async with a_desk(database, cloud, **settings(way_in)) as desk, desk.converging():
        grid_id = await desk.pay()
        first = (await desk.comes_to(grid_id, Stage.READY, within=60)).host
        assert first is not None
        cluster_of_all.delete("Namespace", str(first.instance_id))
        watch = Watch(desk.pool, desk.tools)

        async def is_elsewhere() -> bool:
            await desk.pass_time(timedelta(minutes=1))
            await watch.round()
            host = (await desk.grid(grid_id)).host
            return host is not None and host.id != first.id

        await until(is_elsewhere, within=60, what="the grid has another host", pause=0.5)
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)
        assert pods(cluster_of_all, grid) == [f"grid-{grid_id}-0"]
        assert cloud.address_of(grid.dns_name) == [str(grid.address)]
        assert len(await desk.events(InstanceLost, grid_id)) == 1


async def test_a_change_of_plan_moves_a_grid_from_a_machine_to_a_pod_under_the_same_furl(
    database: str, cloud: Cloud, cluster_of_all: Cluster, way_in: dict[str, Any]
) -> None:
    subscription = Subscription(a_payment())
    told = settings(way_in, plans={"personal": "machines", "studio": "small"})
    async with a_desk(database, cloud, furl_address_hint=False, **told) as desk, desk.converging():
        grid_id = await desk.pay(subscription.payment)
        on_a_machine = await desk.comes_to(grid_id, Stage.READY, within=60)
        assert on_a_machine.host is not None
        assert on_a_machine.host.driver == "ec2"

        await desk.tell(subscription.changed("studio"))

        async def has_moved() -> bool:
            grid = await desk.grid(grid_id)
            return grid.stage is Stage.READY and grid.host is not None and grid.host.driver == "kubernetes"

        await until(has_moved, within=60, what="it is served by a pod")
        in_a_pod = await desk.grid(grid_id)
        furls = [furl_of(grid, desk.tools.seal, hint=False).reveal() for grid in (on_a_machine, in_a_pod)]
        assert furls[0] == furls[1]
        assert cloud.address_of(in_a_pod.dns_name) == [str(in_a_pod.address)]
        assert pods(cluster_of_all, in_a_pod) == [f"grid-{grid_id}-0"]
        assert cloud.is_stopped(str(on_a_machine.host.instance_id))

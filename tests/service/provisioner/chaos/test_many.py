"""Many grids that are paid for at once become ready within AWS's rates, and none costs more calls than it must."""

from datetime import timedelta
from random import Random

from s4_aws.rates import rate_of
from s4_provisioner.lifecycle import Stage
from support.chaos.replicas import Replicas
from support.fleets import a_fleet
from support.grid_cloud import Cloud
from support.provisioner import a_desk
from support.waiting import until

_GRIDS = 10
_LEASE = timedelta(seconds=15)
_PATIENT = 2  # on a machine that is slow a lease may run out, and its step is done again
_SHARED = {"isolation": "shard", "capacity": 100, "max_age": None}


async def test_many_at_once_share_a_host_and_are_never_throttled(database: str, crowd: Cloud) -> None:
    for action in ("ec2:RunInstances", "ec2:DescribeInstances", "s3:CreateBucket", "sts:AssumeRole"):
        rate = rate_of(*action.split(":"))
        crowd.control("PUT", "/traffic/rates", {"action": action, "per_second": rate.per_second, "burst": rate.burst})
    fleet = a_fleet(otherwise="shared", shared=_SHARED)
    async with a_desk(database, crowd, fleet=fleet, grid_ports="10000-32767", lease=_LEASE) as desk:
        crowd.calls()
        grids = [await desk.pay() for _ in range(_GRIDS)]
        replicas = Replicas(desk, Random(1))
        replicas.start()
        try:
            unready = "select count(*) from grids where stage <> 'ready'"

            async def all_ready() -> bool:
                return not await desk.pool.fetchval(unready)

            await until(all_ready, within=60, what="all are ready")
        finally:
            await replicas.stop()
            counted = crowd.control("GET", "/calls")["calls"]
            crowd.mend()
        assert len({(await desk.grid(grid)).host for grid in grids}) == 1
        assert {(await desk.grid(grid)).stage for grid in grids} == {Stage.READY}
        assert [action for action, made in counted.items() if made["throttled"]] == []
        assert counted["ec2:RunInstances"]["calls"] <= 2
        assert {action: made["calls"] for action, made in counted.items() if made["calls"] > _PATIENT * _GRIDS} == {}

"""What somebody changes by hand at AWS, beside what the sweep's own tests say."""

from datetime import timedelta
from typing import Any

from s4_contracts.provisioner import GridSuspended
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.sweep.loop import Sweep
from support.bad_input import Trouble
from support.grid_cloud import ZONE, Cloud
from support.provisioner import a_payment
from support.subscriptions import Subscription


async def test_a_name_that_was_taken_out_by_hand_is_put_back(trouble: Trouble) -> None:
    grid = await a_grid(trouble)
    change(trouble.cloud, "DELETE", a_record(grid))

    (found,) = await swept(trouble, grid)

    assert (found["what"], found["kind"]) == ("missing", "dns:name")
    assert trouble.cloud.address_of(grid.dns_name) == [str(grid.address)]


async def test_a_name_that_became_another_name_waits_for_whoever_did_that(trouble: Trouble) -> None:
    grid = await a_grid(trouble)
    alias = {"Name": grid.dns_name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.test"}]}
    change(trouble.cloud, "DELETE", a_record(grid))
    change(trouble.cloud, "CREATE", alias)

    (found,) = await swept(trouble, grid)

    assert (found["what"], found["removed_at"]) == ("changed", None)
    assert found["trouble"] == "dns-change-refused"
    assert (await trouble.desk.grid(grid.id)).stage is Stage.READY
    change(trouble.cloud, "DELETE", alias)
    await swept(trouble, grid)
    assert trouble.cloud.address_of(grid.dns_name) == [str(grid.address)]


async def test_a_machine_without_its_tags_is_ended_with_its_host_all_the_same(trouble: Trouble) -> None:
    bought = Subscription(a_payment())
    async with trouble.desk.converging():
        grid = await trouble.desk.comes_to(await trouble.desk.pay(bought.payment), Stage.READY, within=60)
    assert grid.host
    machine = str(grid.host.instance_id)
    tags = trouble.cloud.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [machine]}])["Tags"]
    trouble.cloud.client("ec2").delete_tags(Resources=[machine], Tags=[{"Key": tag["Key"]} for tag in tags])

    async with trouble.desk.converging():
        await trouble.desk.tell(bought.suspended())
        await trouble.desk.comes_to(grid.id, Stage.SUSPENDED)
        await trouble.desk.pass_time(timedelta(minutes=1))
        await trouble.gone(grid.host)

    assert state_of(trouble.cloud, machine) in {"shutting-down", "terminated"}
    assert len(await trouble.desk.events(GridSuspended, grid.id)) == 1


async def a_grid(trouble: Trouble) -> Grid:
    grid_id, _ = await trouble.ready()
    await trouble.desk.pass_time(timedelta(minutes=1))
    return await trouble.desk.grid(grid_id)


async def swept(trouble: Trouble, grid: Grid) -> list[dict[str, Any]]:
    """What is shown of this grid after a look that was due."""
    await trouble.desk.pool.execute("update sweeps set due_at = $1", trouble.desk.tools.clock.now())
    await Sweep(trouble.desk.pool, trouble.desk.tools).round()
    return [each for each in (await trouble.seen("sweep", "show"))["findings"] if each["grid_id"] == grid.id]


def a_record(grid: Grid) -> dict[str, Any]:
    return {"Name": grid.dns_name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": str(grid.address)}]}


def change(cloud: Cloud, action: str, record: dict[str, Any]) -> None:
    route53 = cloud.client("route53")
    zone = route53.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"][0]["Id"]
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def state_of(cloud: Cloud, machine: str) -> str:
    (group,) = cloud.client("ec2").describe_instances(InstanceIds=[machine])["Reservations"]
    found: str = group["Instances"][0]["State"]["Name"]
    return found

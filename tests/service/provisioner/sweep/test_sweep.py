"""What a look at the local cloud finds and puts right; the operators' commands are processes of their own."""

from datetime import timedelta
from typing import Any

from s4_contracts.ids import GridId
from s4_provisioner import names
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.sweep.loop import Sweep
from s4_runtime import new_id
from support.grid_cloud import ZONE, Cloud
from support.operator_cli import Terminal
from support.provisioner import Desk

WHY = ("--note", "a test asks")


async def swept(desk: Desk, terminal: Terminal) -> list[dict[str, Any]]:
    """What is found of ours now; names of other tests' grids stand in the same zone."""
    await terminal.json("sweep", "run", *WHY)
    await Sweep(desk.pool, desk.tools).round()
    told = await terminal.json("sweep", "show")
    assert told["last"]["code"] is None
    return [each for each in told["findings"] if each["kind"] != "dns:name" or await is_ours(desk, each["grid_id"])]


async def is_ours(desk: Desk, grid_id: str | None) -> bool:
    return grid_id in ODD or bool(await desk.pool.fetchval("select true from grids where id = $1", grid_id))


ODD: set[str] = set()


async def ready(desk: Desk) -> Grid:
    async with desk.converging():
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)
    await desk.pass_time(timedelta(minutes=1))
    return await desk.grid(grid_id)


def a_bucket(cloud: Cloud, desk: Desk, *, objects: int = 0) -> str:
    """One of the deployment's, of a grid that nobody knows."""
    name = names.bucket(desk.settings.deployment, GridId(new_id()))
    cloud.client("s3").create_bucket(Bucket=name)
    for number in range(objects):
        cloud.client("s3").put_object(Bucket=name, Key=f"shares/{number}", Body=b"x")
    return name


def has_bucket(cloud: Cloud, name: str) -> bool:
    return name in [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]


async def test_where_all_is_well_nothing_is_found(desk: Desk, terminal: Terminal) -> None:
    await ready(desk)
    assert await swept(desk, terminal) == []
    _, out, _ = await terminal.type("sweep", "show")
    assert "looked at 20" in out


async def test_an_empty_bucket_of_nobody_goes_after_its_hold(desk: Desk, terminal: Terminal, cloud: Cloud) -> None:
    name = a_bucket(cloud, desk)
    (found,) = await swept(desk, terminal)
    assert (found["what"], found["kind"], found["thing"]) == ("ownerless", "s3:bucket", name)
    assert name.endswith(found["grid_id"])
    assert found["holds_data"] is False
    await desk.pass_time(timedelta(days=6))
    await swept(desk, terminal)
    assert has_bucket(cloud, name)
    await desk.pass_time(timedelta(days=2))
    await swept(desk, terminal)
    assert not has_bucket(cloud, name)


async def test_a_bucket_with_something_in_it_goes_only_by_the_word_of_two(
    desk: Desk, terminal: Terminal, cloud: Cloud
) -> None:
    name = a_bucket(cloud, desk, objects=3)
    assert [each["holds_data"] for each in await swept(desk, terminal)] == [True]
    await desk.pass_time(timedelta(days=60))
    await approve(terminal, "s3:bucket", name, "ada")
    await swept(desk, terminal)
    assert has_bucket(cloud, name)
    again = await terminal.refused("sweep", "approve", "s3:bucket", name, *WHY)
    assert "needs-another-operator" in again
    assert (await approve(terminal, "s3:bucket", name, "bea"))["is_enough"]
    await swept(desk, terminal)
    assert not has_bucket(cloud, name)


async def approve(terminal: Terminal, kind: str, thing: str, who: str) -> dict[str, Any]:
    shown = await terminal.json("sweep", "approve", kind, thing, *WHY, who=who)
    return await terminal.json("sweep", "approve", kind, thing, *WHY, "--confirm", shown["confirm"], who=who)


async def test_a_name_of_nobody_goes_when_one_has_approved(desk: Desk, terminal: Terminal, cloud: Cloud) -> None:
    grid_id = GridId(new_id())
    ODD.add(grid_id)
    name = names.dns_name(grid_id, ZONE)
    point(cloud, name, "127.9.9.9")
    (found,) = await swept(desk, terminal)
    assert (found["what"], found["thing"], found["grid_id"]) == ("ownerless", name, grid_id)
    await desk.pass_time(timedelta(days=30))
    await swept(desk, terminal)
    assert name in names_in(cloud)
    await approve(terminal, "dns:name", name, "ada")
    await swept(desk, terminal)
    assert name not in names_in(cloud)


async def test_what_was_changed_by_hand_is_put_right(desk: Desk, terminal: Terminal, cloud: Cloud) -> None:
    grid = await ready(desk)
    assert grid.host
    assert grid.dns_name
    point(cloud, grid.dns_name, "127.9.9.9")
    cloud.client("s3").delete_bucket_tagging(Bucket=grid.bucket)
    cloud.client("ec2").delete_tags(
        Resources=[grid.host.instance_id], Tags=[{"Key": "s4:deployment"}, {"Key": "s4:host"}]
    )
    found = {(each["kind"], each["what"]) for each in await swept(desk, terminal)}
    assert found == {("dns:name", "changed"), ("s3:bucket", "changed"), ("ec2:instance", "changed")}
    assert names_in(cloud)[grid.dns_name] == [str(grid.address)]
    assert all(each["removed_at"] for each in await swept(desk, terminal))
    tags = {tag["Key"]: tag["Value"] for tag in cloud.client("s3").get_bucket_tagging(Bucket=grid.bucket)["TagSet"]}
    assert tags["s4:grid"] == grid.id
    assert len(cloud.instances(desk.settings.deployment)) == 1


async def test_a_bucket_that_is_not_there_is_told_and_waits_for_a_person(
    desk: Desk, terminal: Terminal, cloud: Cloud
) -> None:
    grid = await ready(desk)
    for each in cloud.client("s3").list_objects_v2(Bucket=grid.bucket).get("Contents", []):
        cloud.client("s3").delete_object(Bucket=grid.bucket, Key=each["Key"])
    cloud.client("s3").delete_bucket(Bucket=grid.bucket)
    (found,) = await swept(desk, terminal)
    assert (found["what"], found["thing"], found["trouble"]) == ("missing", grid.bucket, "by-hand")


async def test_a_machine_that_no_host_owns_goes_when_one_has_approved(
    desk: Desk, terminal: Terminal, cloud: Cloud
) -> None:
    grid = await ready(desk)
    assert grid.host
    await desk.pool.execute("update grids set host_id = null, stage = 'failed', failed_stage = 'host'")
    await desk.pool.execute("delete from hosts")
    machine = grid.host.instance_id
    assert machine
    found = [each for each in await swept(desk, terminal) if each["kind"] == "ec2:instance"]
    assert [(each["thing"], each["host_id"]) for each in found] == [(machine, grid.host.id)]
    await approve(terminal, "ec2:instance", machine, "ada")
    await swept(desk, terminal)
    assert cloud.instances(desk.settings.deployment) == []


async def test_what_is_no_more_found_is_not_shown(desk: Desk, terminal: Terminal, cloud: Cloud) -> None:
    name = a_bucket(cloud, desk)
    assert len(await swept(desk, terminal)) == 1
    cloud.client("s3").delete_bucket(Bucket=name)
    assert await swept(desk, terminal) == []
    assert "no-such-finding" in await terminal.refused("sweep", "approve", "s3:bucket", name, *WHY)


async def test_one_looks_at_a_time(desk: Desk, terminal: Terminal, cloud: Cloud) -> None:
    a_bucket(cloud, desk)
    await swept(desk, terminal)
    await desk.pool.execute(
        "update sweeps set lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour'"
    )
    before = await terminal.json("sweep", "show")
    await Sweep(desk.pool, desk.tools).round()
    assert (await terminal.json("sweep", "show"))["last"]["last_at"] == before["last"]["last_at"], "another one looks"


def point(cloud: Cloud, name: str, address: str) -> None:
    """The name means this address, by somebody's hand."""
    record = {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address}]}
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    cloud.client("route53").change_resource_record_sets(HostedZoneId=zone(cloud), ChangeBatch=batch)


def names_in(cloud: Cloud) -> dict[str, list[str]]:
    """The zone's names, and what they mean."""
    pages = cloud.client("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone(cloud))
    return {
        each["Name"].rstrip("."): [value["Value"] for value in each["ResourceRecords"]]
        for page in pages
        for each in page["ResourceRecordSets"]
        if each["Type"] == "A"
    }


def zone(cloud: Cloud) -> str:
    found: str = cloud.client("route53").list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"][0]["Id"]
    return found

"""What EC2 says of the health of instances, and what the control API makes of it."""

import datetime as dt
import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, becomes, code_of
from support.crowd import SSH_PORT, CrowdHost, a_host


@pytest.fixture
async def host(crowd: LocalCloud) -> CrowdHost:
    return await a_host(crowd)


def shown(cloud: LocalCloud, instance_id: str) -> dict[str, Any]:
    found = cloud.client("ec2").describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    one: dict[str, Any] = found[0]
    return one


def checks(cloud: LocalCloud, instance_id: str) -> tuple[str, str]:
    status = shown(cloud, instance_id)
    return status["InstanceStatus"]["Status"], status["SystemStatus"]["Status"]


async def test_a_machine_that_is_cut_off_lives_runs_and_passes_its_checks_until_ec2_sees_it(
    crowd: LocalCloud, host: CrowdHost
) -> None:
    crowd.fault(kind="unreachable", instance_id=host.instance_id)

    with pytest.raises(TimeoutError):
        socket.create_connection((host.address, SSH_PORT), 0.3)
    assert checks(crowd, host.instance_id) == ("ok", "ok")
    assert (crowd.instance(host.instance_id)["alive"], crowd.instance(host.instance_id)["unreachable"]) == (True, True)
    crowd.fault(kind="impaired", instance_id=host.instance_id)
    assert checks(crowd, host.instance_id) == ("impaired", "ok")
    crowd.fault(kind="reachable", instance_id=host.instance_id)
    assert checks(crowd, host.instance_id) == ("ok", "ok")
    assert (await host.run("s4-host list"))[0] == 0


def test_an_impaired_instance_says_since_when(crowd: LocalCloud, host: CrowdHost) -> None:
    crowd.fault(kind="impaired", instance_id=host.instance_id, checks=["instance", "system"])

    said = shown(crowd, host.instance_id)["SystemStatus"]

    assert (said["Status"], said["Details"][0]["Status"]) == ("impaired", "failed")
    assert dt.datetime.now(dt.UTC) - said["Details"][0]["ImpairedSince"] < dt.timedelta(minutes=1)
    crowd.fault(kind="impaired", instance_id=host.instance_id, checks=[])
    assert checks(crowd, host.instance_id) == ("ok", "ok")


def test_a_retirement_is_announced_with_its_time_and_can_be_taken_back(crowd: LocalCloud, host: CrowdHost) -> None:
    before = shown(crowd, host.instance_id).get("Events", [])
    crowd.fault(kind="event", instance_id=host.instance_id, seconds=86_400)

    (event,) = shown(crowd, host.instance_id)["Events"]

    assert before == []
    assert event["Code"] == "instance-retirement"
    assert dt.timedelta(hours=23) < event["NotBefore"] - dt.datetime.now(dt.UTC) < dt.timedelta(hours=25)
    crowd.fault(kind="no-events", instance_id=host.instance_id)
    assert shown(crowd, host.instance_id).get("Events", []) == []


async def test_instances_that_do_not_run_are_shown_when_all_are_asked_for(crowd: LocalCloud) -> None:
    ec2 = crowd.client("ec2")
    crowd.fault(kind="slow-boot", seconds=30)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance_id = ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)["Instances"][0][
        "InstanceId"
    ]

    usually = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    everything = ec2.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)["InstanceStatuses"]

    assert usually == []
    assert [(one["InstanceState"]["Name"], one["InstanceStatus"]["Status"]) for one in everything] == [
        ("pending", "not-applicable")
    ]


async def test_status_comes_in_pages_and_for_a_hundred_ids_at_most(crowd: LocalCloud, run_many: Any) -> None:
    ids = await run_many(12)
    ec2 = crowd.client("ec2")

    pages = list(ec2.get_paginator("describe_instance_status").paginate(PaginationConfig={"PageSize": 5}))

    found = [one["InstanceId"] for page in pages for one in page["InstanceStatuses"]]
    assert sorted(found) == sorted(ids)
    assert [len(page["InstanceStatuses"]) for page in pages] == [5, 5, 2]
    for asked in ({"InstanceIds": [f"i-{number:017x}" for number in range(101)]}, {"MaxResults": 4}):
        with pytest.raises(ClientError) as refused:
            ec2.describe_instance_status(**asked)
        assert code_of(refused) == "InvalidParameterValue"


@pytest.fixture
def run_many(crowd: LocalCloud) -> Callable[[int], Any]:
    async def run(count: int) -> list[str]:
        ec2 = crowd.client("ec2")
        image = ec2.describe_images()["Images"][0]["ImageId"]
        made = ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=count, MaxCount=count)["Instances"]
        ids = [each["InstanceId"] for each in made]
        for instance_id in ids:
            await becomes(ec2, instance_id, "running")
        return ids

    return run


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "unreachable", "instance_id": "i-none"},
        {"kind": "unreachable", "shows": "terminated"},
        {"kind": "impaired", "checks": ["mind"]},
        {"kind": "event", "code": "instance-birthday"},
        {"kind": "event", "seconds": "soon"},
        {"kind": "behave", "colour": "red"},
        {"kind": "behave", "stage": "halfway"},
        {"kind": "behave", "seconds": "long"},
        {"kind": "ended-sessions"},
    ],
)
async def test_an_incident_that_makes_no_sense_is_refused(crowd: LocalCloud, host: CrowdHost, wrong: Any) -> None:
    status, answer = crowd.control("POST", "/faults", {"instance_id": host.instance_id, **wrong})

    assert (status, bool(answer["error"])) == (422, True)

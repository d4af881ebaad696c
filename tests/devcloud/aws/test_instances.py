"""The life of an instance: from RunInstances to a login, and to nothing."""

import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest
from botocore.exceptions import ClientError

from support.cloud import Launch, LocalCloud, becomes, code_of
from support.login import Keys

Running = Callable[..., Awaitable[dict[str, Any]]]


async def test_an_instance_is_pending_until_its_sshd_answers_and_then_one_can_log_in(
    launch: Launch, ec2: Any, keys: Keys
) -> None:
    instance = launch()
    up = await becomes(ec2, instance["InstanceId"], "running")

    assert instance["State"] == {"Code": 0, "Name": "pending"}
    assert await keys.run(up["PublicIpAddress"], 22, "whoami") == "s4"


async def test_the_machine_has_finished_cloud_init_and_systemd_is_content(running: Running, keys: Keys) -> None:
    address = (await running())["PublicIpAddress"]

    said = await keys.run(address, 22, "cloud-init status --wait; systemctl is-system-running --wait; sudo id -un")

    assert [line for line in said.split() if line != "."][-2:] == ["running", "root"]
    assert "status: done" in said


async def test_the_machine_reaches_itself_under_its_public_address(running: Running, keys: Keys) -> None:
    address = (await running())["PublicIpAddress"]

    said = await keys.run(address, 22, f"head -c 4 < /dev/tcp/{address}/22")

    assert said == "SSH-"


async def test_the_cloud_answers_at_the_same_place_inside_a_machine(
    running: Running, keys: Keys, cloud: LocalCloud
) -> None:
    address = (await running())["PublicIpAddress"]
    program = f"import urllib.request as u; print(u.urlopen('{cloud.ready['listen']}/moto-api/').status)"

    assert await keys.run(address, 22, f'python3 -c "{program}"') == "200"


async def test_a_terminated_instance_answers_no_more_and_says_why(running: Running, ec2: Any, keys: Keys) -> None:
    up = await running()
    began = time.monotonic()

    ec2.terminate_instances(InstanceIds=[up["InstanceId"]])

    assert time.monotonic() - began < 1
    with pytest.raises(OSError, match="Connect"):
        await keys.run(up["PublicIpAddress"], 22, "true")
    gone = await becomes(ec2, up["InstanceId"], "terminated")
    assert gone["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert "PublicIpAddress" not in gone


async def test_terminating_twice_and_while_booting_leaves_nothing(launch: Launch, ec2: Any, cloud: LocalCloud) -> None:
    instance_id = launch()["InstanceId"]

    for _ in range(2):
        ec2.terminate_instances(InstanceIds=[instance_id])

    assert cloud.instance(instance_id)["state"] == "terminated"
    assert cloud.instance(instance_id)["address"] is None


async def test_several_instances_of_one_request_are_machines_of_their_own(
    launch: Launch, ec2: Any, cloud: LocalCloud
) -> None:
    first = launch(MinCount=2, MaxCount=2)["InstanceId"]
    reservation = ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["ReservationId"]
    all_of = [one for one in ec2.describe_instances()["Reservations"] if one["ReservationId"] == reservation]
    ids = [instance["InstanceId"] for instance in all_of[0]["Instances"]]

    up = [await becomes(ec2, instance_id, "running") for instance_id in ids]

    assert len({one["PublicIpAddress"] for one in up}) == 2


async def test_a_key_pair_of_the_cloud_is_let_in_as_the_default_user_says(launch: Launch, ec2: Any, keys: Keys) -> None:
    name = f"key-{time.monotonic_ns()}"
    key = Keys(host=keys.host)
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=key.user.export_public_key())
    only_name = {"name": "s4", "shell": "/bin/bash"}
    instance = launch(KeyName=name, UserData=keys.user_data(users=["default"], system_info={"default_user": only_name}))
    address = (await becomes(ec2, instance["InstanceId"], "running"))["PublicIpAddress"]

    assert await key.run(address, 22, "whoami") == "s4"
    with pytest.raises(asyncssh.PermissionDenied):
        await keys.run(address, 22, "whoami")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "z9.gigantic"}, "InvalidParameterValue"),
        ({"KeyName": "no-such-key"}, "InvalidKeyPair.NotFound"),
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound"),
    ],
)
def test_what_does_not_exist_is_refused(wrong: dict[str, Any], code: str, launch: Launch) -> None:
    with pytest.raises(ClientError) as refused:
        launch(**wrong)

    assert code_of(refused) == code


async def test_stopping_is_refused_instead_of_pretended(running: Running, ec2: Any, keys: Keys) -> None:
    up = await running()

    for call in (ec2.stop_instances, ec2.start_instances, ec2.reboot_instances):
        with pytest.raises(ClientError) as refused:
            call(InstanceIds=[up["InstanceId"]])
        assert code_of(refused) == "UnsupportedOperation"
    with socket.create_connection((up["PublicIpAddress"], 22), 5) as line:
        assert line.recv(4) == b"SSH-"


def test_the_image_is_ours_and_there_is_no_other(ec2: Any) -> None:
    images = ec2.describe_images()["Images"]

    assert [image["State"] for image in images] == ["available"]
    assert images[0]["Name"].startswith("s4-node-")
    assert ec2.describe_images(Owners=["self"])["Images"] == images

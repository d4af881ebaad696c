"""The process: starting, ending, and starting again after a power cut."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s4_devcloud.__main__ import PARTS
from s4_devcloud.image.shelf import mounts_below
from support.cloud import LocalCloud, becomes
from support.image import machine_image, plain_image  # noqa: F401  fixtures
from support.login import Keys, me
from support.waiting import until


def devcloud(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s4_devcloud", *arguments], capture_output=True, text=True, check=False
    )


def start_one(cloud: LocalCloud, user_data: str = "") -> dict[str, Any]:
    ec2 = cloud.client("ec2")
    port = cloud.ready["ssh_port"]
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    group = ec2.create_security_group(GroupName="ssh", Description="ssh")["GroupId"]
    opened = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])
    wanted = {"ImageId": image, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [group]}
    instance: dict[str, Any] = ec2.run_instances(**wanted, UserData=user_data)["Instances"][0]
    return instance


def test_help_lists_every_part_and_imports_none() -> None:
    said = devcloud("--help")

    assert said.returncode == 0
    assert all(part in said.stdout for part in PARTS)
    assert devcloud("teapot").returncode == 2


def test_without_an_image_it_says_what_to_run(tmp_path: Path) -> None:
    said = devcloud("aws", "--state", str(tmp_path / "s"), "--image", str(tmp_path), "--driver", "sshd")

    assert said.returncode == 1
    assert "python -m s4_devcloud image" in said.stderr


async def test_machines_of_sshd_work_behind_the_same_api(plain_image: Path, tmp_path: Path, keys: Keys) -> None:
    cloud = LocalCloud(tmp_path / "s", plain_image, "--driver", "sshd", "--region", "eu-west-1")
    try:
        instance = start_one(cloud, keys.user_data())
        up = await becomes(cloud.client("ec2"), instance["InstanceId"], "running")
        said = await keys.run(up["PublicIpAddress"], cloud.ready["ssh_port"], "cat $S4_HOST_CONFIG", me())
    finally:
        assert cloud.stop() == 0

    assert cloud.ready["ssh_user"] == me()
    assert json.loads(said)["supervisor"] == "process"
    assert up["Placement"]["AvailabilityZone"].startswith("eu-west-1")


async def test_ending_it_ends_its_machines(machine_image: Path, tmp_path: Path, keys: Keys) -> None:
    cloud = LocalCloud(tmp_path / "s", machine_image)
    instance = start_one(cloud, keys.user_data())
    await becomes(cloud.client("ec2"), instance["InstanceId"], "running")

    assert cloud.stop() == 0

    assert list((tmp_path / "s/machines").iterdir()) == []


@pytest.mark.long
async def test_what_a_power_cut_left_is_gone_after_the_next_start(
    machine_image: Path,
    tmp_path: Path,
    keys: Keys,
) -> None:
    state = tmp_path / "s"
    killed = LocalCloud(state, machine_image)
    await becomes(killed.client("ec2"), start_one(killed, keys.user_data())["InstanceId"], "running")
    killed.kill()
    left = [path.name for path in (state / "machines").iterdir()]

    again = LocalCloud(state, machine_image)
    try:
        assert len(left) == 1
        assert not any((state / "machines").iterdir())
        assert mounts_below(state) == []
        await becomes(again.client("ec2"), start_one(again, keys.user_data())["InstanceId"], "running")
    finally:
        assert again.stop() == 0


async def test_sweep_ends_what_was_left_and_touches_nothing_that_is_served(
    machine_image: Path,
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    cloud = LocalCloud(tmp_path / "s", machine_image)
    instance_id = start_one(cloud)["InstanceId"]
    refused = devcloud("aws", "--state", str(tmp_path / "s"), "--sweep")
    await until(lambda: cloud.instance(instance_id)["alive"], within=60, what="the machine lives")
    cloud.kill()

    swept = devcloud("aws", "--state", str(tmp_path / "s"), "--sweep")

    assert (refused.returncode, swept.returncode) == (1, 0)
    assert json.loads(swept.stdout) == {"part": "aws", "swept": [instance_id]}


@pytest.mark.parametrize("network", ["127.77.3.0/24"])
def test_a_given_network_is_the_one_that_machines_get(plain_image: Path, tmp_path: Path, network: str) -> None:
    cloud = LocalCloud(tmp_path / "s", plain_image, "--driver", "sshd", "--network", network)
    second = devcloud(
        "aws", "--state", str(tmp_path / "t"), "--image", str(plain_image), "--driver", "sshd", "--network", network
    )

    assert cloud.stop() == 0
    assert cloud.ready["network"] == network
    assert second.returncode == 1
    assert network in second.stderr

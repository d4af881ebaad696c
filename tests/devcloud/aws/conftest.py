"""One local cloud with real machines for all tests of this folder, and what a launch needs."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cloud import Launch, LocalCloud, becomes, rule
from support.image import machine_image  # noqa: F401  a fixture
from support.login import Keys


@pytest.fixture(scope="session")
def cloud_of_all(machine_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    started = LocalCloud(tmp_path_factory.mktemp("cloud"), machine_image)
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="session")
def crowd_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    started = LocalCloud(tmp_path_factory.mktemp("crowd"), None, "--driver", "crowd")
    yield started
    assert started.stop() == 0


@pytest.fixture
def crowd(crowd_of_all: LocalCloud) -> Iterator[LocalCloud]:
    """A cloud whose machines are rows; afterwards nothing goes wrong and no instance is left."""
    yield crowd_of_all
    known = crowd_of_all.control("GET", "/state")[1]["instances"]
    left = [one["instance_id"] for one in known if one["state"] != "terminated"]
    if left:
        crowd_of_all.client("ec2").terminate_instances(InstanceIds=left)
    crowd_of_all.control("DELETE", "/faults")
    crowd_of_all.control("DELETE", "/traffic")


@pytest.fixture
def cloud(cloud_of_all: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud; afterwards no fault is pending and no instance is left."""
    yield cloud_of_all
    cloud_of_all.control("DELETE", "/faults")
    left = [one["instance_id"] for one in cloud_of_all.control("GET", "/state")[1]["instances"]]
    if left:
        cloud_of_all.client("ec2").terminate_instances(InstanceIds=left)


@pytest.fixture
def ec2(cloud: LocalCloud) -> Any:
    return cloud.client("ec2")


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def group(ec2: Any) -> str:
    """A security group that lets everyone in at the ssh port."""
    group_id = str(ec2.create_security_group(GroupName=f"g-{uuid.uuid4()}", Description="test")["GroupId"])
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule(22)])
    return group_id


@pytest.fixture
def image_id(ec2: Any) -> str:
    named = [{"Name": "name", "Values": ["s4-node-*"]}]
    return str(ec2.describe_images(Owners=["self"], Filters=named)["Images"][0]["ImageId"])


@pytest.fixture
def launch(ec2: Any, image_id: str, group: str, keys: Keys) -> Launch:
    """RunInstances of one instance; named arguments replace the usual ones."""

    def launched(**more: Any) -> dict[str, Any]:
        usual = {"ImageId": image_id, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
        asked = {**usual, "SecurityGroupIds": [group], "UserData": keys.user_data(), **more}
        instance: dict[str, Any] = ec2.run_instances(**asked)["Instances"][0]
        return instance

    return launched


@pytest.fixture
def running(launch: Launch, ec2: Any) -> Callable[..., Any]:
    """An instance that has come up."""

    async def up(**more: Any) -> dict[str, Any]:
        return await becomes(ec2, launch(**more)["InstanceId"], "running")

    return up

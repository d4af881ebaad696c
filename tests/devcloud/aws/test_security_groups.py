"""Security groups decide which ports of a machine answer, also when they change later."""

import socket
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, code_of, rule

Running = Callable[..., Awaitable[dict[str, Any]]]


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.fixture
def empty(ec2: Any) -> str:
    return str(ec2.create_security_group(GroupName=f"e-{uuid.uuid4()}", Description="empty")["GroupId"])


async def test_without_a_rule_nothing_answers_although_the_instance_runs(running: Running, empty: str) -> None:
    up = await running(SecurityGroupIds=[empty])

    assert not answers(up["PublicIpAddress"], 22)


async def test_a_rule_added_later_opens_the_port_and_a_revoked_one_closes_it(
    running: Running, ec2: Any, empty: str
) -> None:
    up = await running(SecurityGroupIds=[empty])
    ec2.authorize_security_group_ingress(GroupId=empty, IpPermissions=[rule(22)])
    opened = answers(up["PublicIpAddress"], 22)
    ec2.revoke_security_group_ingress(GroupId=empty, IpPermissions=[rule(22)])

    assert opened
    assert not answers(up["PublicIpAddress"], 22)


async def test_a_range_of_ports_is_open_from_its_first_to_its_last(
    running: Running, ec2: Any, empty: str, cloud: LocalCloud
) -> None:
    up = await running(SecurityGroupIds=[empty])

    ec2.authorize_security_group_ingress(GroupId=empty, IpPermissions=[rule(34_000, 34_049)])

    known = cloud.instance(up["InstanceId"])
    assert known["open_ports"] == [[34_000, 34_049]]
    assert known["blocked_ports"] == []
    assert [answers(up["PublicIpAddress"], port) for port in (33_999, 34_000, 34_049, 34_050)] == [
        False,
        True,
        True,
        False,
    ]


async def test_other_groups_for_an_instance_change_its_ports(
    running: Running, ec2: Any, group: str, empty: str
) -> None:
    up = await running()

    ec2.modify_instance_attribute(InstanceId=up["InstanceId"], Groups=[empty])

    assert not answers(up["PublicIpAddress"], 22)


async def test_groups_of_a_network_interface_count(running: Running, group: str) -> None:
    interface = {"DeviceIndex": 0, "Groups": [group], "AssociatePublicIpAddress": True}

    up = await running(NetworkInterfaces=[interface], SecurityGroupIds=[])

    assert answers(up["PublicIpAddress"], 22)


async def test_a_group_in_use_cannot_be_deleted_and_a_free_one_can(running: Running, ec2: Any, group: str) -> None:
    up = await running()
    with pytest.raises(ClientError) as refused:
        ec2.delete_security_group(GroupId=group)

    assert code_of(refused) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[up["InstanceId"]])
    ec2.delete_security_group(GroupId=group)
    with pytest.raises(ClientError) as gone:
        ec2.describe_security_groups(GroupIds=[group])
    assert code_of(gone) == "InvalidGroup.NotFound"


def test_a_group_or_rule_that_exists_is_refused(ec2: Any, group: str) -> None:
    name = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["GroupName"]
    with pytest.raises(ClientError) as same_name:
        ec2.create_security_group(GroupName=name, Description="again")
    with pytest.raises(ClientError) as same_rule:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(22)])

    assert (code_of(same_name), code_of(same_rule)) == ("InvalidGroup.Duplicate", "InvalidPermission.Duplicate")

import json

import pytest
from botocore.exceptions import ClientError

from s4_aws.clients import Clients
from s4_aws.roles import Roles
from s4_aws.sessions import Sessions
from s4_aws.trouble import AwsUnavailable
from support.grid_cloud import Cloud

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def roles(clients: Clients) -> Roles:
    return Roles(clients.iam)


def an_old_role(cloud: Cloud, name: str) -> None:
    """What an earlier release made for each machine."""
    iam = cloud.client("iam")
    iam.create_role(RoleName=name, Path="/s4/", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName=name, PolicyName="own-bucket", PolicyDocument=json.dumps(ALL))
    iam.create_instance_profile(InstanceProfileName=name, Path="/s4/")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def left(cloud: Cloud, deployment: str) -> list[str]:
    profiles = cloud.client("iam").list_instance_profiles(PathPrefix="/s4/")["InstanceProfiles"]
    names = [profile["InstanceProfileName"] for profile in profiles]
    return cloud.roles(deployment) + [name for name in names if name.startswith(f"s4-{deployment}-")]


async def test_an_old_role_goes_with_its_profile_however_often_it_is_removed(
    roles: Roles, cloud: Cloud, deployment: str
) -> None:
    name = f"s4-{deployment}-old"
    an_old_role(cloud, name)
    for _ in range(2):
        await roles.remove(name)

    assert left(cloud, deployment) == []


async def test_the_role_of_a_deployment_that_ends_goes_too(
    roles: Roles, sessions: Sessions, cloud: Cloud, deployment: str
) -> None:
    await sessions.ensure_role(f"s4-{deployment}-grids", ("*",), {})
    await roles.remove(f"s4-{deployment}-grids")

    assert cloud.roles(deployment) == []


async def test_what_is_left_of_a_role_that_was_half_removed_goes(roles: Roles, cloud: Cloud, deployment: str) -> None:
    name = f"s4-{deployment}-old"
    cloud.client("iam").create_instance_profile(InstanceProfileName=name)
    await roles.remove(name)

    with pytest.raises(ClientError, match="NoSuchEntity"):
        cloud.client("iam").get_instance_profile(InstanceProfileName=name)


async def test_a_removal_that_is_cut_short_is_done_by_the_next(roles: Roles, cloud: Cloud, deployment: str) -> None:
    name = f"s4-{deployment}-old"
    an_old_role(cloud, name)
    cloud.break_next("cut", action="DeleteRolePolicy", times=2)
    with pytest.raises(AwsUnavailable):
        await roles.remove(name)
    await roles.remove(name)

    assert left(cloud, deployment) == []

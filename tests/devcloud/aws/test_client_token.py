"""ClientToken, as "Ensuring idempotency in Amazon EC2 API requests" describes it."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import Launch, LocalCloud, becomes, code_of


@pytest.fixture
def token() -> str:
    return str(uuid.uuid4())


def with_token(ec2: Any, token: str) -> list[dict[str, Any]]:
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [token]}])["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


def test_the_same_request_again_gets_the_same_instance(launch: Launch, ec2: Any, token: str) -> None:
    first, second = launch(ClientToken=token), launch(ClientToken=token)

    assert first["InstanceId"] == second["InstanceId"]
    assert [one["InstanceId"] for one in with_token(ec2, token)] == [first["InstanceId"]]


def test_requests_at_the_same_time_get_one_instance(
    launch: Launch, cloud: LocalCloud, token: str, image_id: str, group: str
) -> None:
    clients = [cloud.client("ec2") for _ in range(8)]
    asked = {"ImageId": image_id, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [group]}

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: client.run_instances(**asked, ClientToken=token), clients))

    assert len({answer["Instances"][0]["InstanceId"] for answer in answers}) == 1
    assert len([one for one in cloud.control("GET", "/state")[1]["instances"] if one["client_token"] == token]) == 1


@pytest.mark.parametrize(
    "other", [{"InstanceType": "t3.large"}, {"UserData": "#cloud-config\n{}\n"}, {"SecurityGroupIds": []}]
)
def test_other_parameters_with_a_used_token_are_refused(launch: Launch, token: str, other: dict[str, Any]) -> None:
    launch(ClientToken=token)

    with pytest.raises(ClientError) as refused:
        launch(ClientToken=token, **other)

    assert code_of(refused) == "IdempotentParameterMismatch"


async def test_a_token_stays_used_when_its_instance_is_gone(
    launch: Launch, ec2: Any, token: str, cloud: LocalCloud
) -> None:
    first = launch(ClientToken=token)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[first])
    await becomes(ec2, first, "terminated")

    again = launch(ClientToken=token)["InstanceId"]

    assert again == first
    assert cloud.instance(first)["state"] == "terminated"


def test_requests_without_a_common_token_get_instances_of_their_own(launch: Launch) -> None:
    assert launch()["InstanceId"] != launch()["InstanceId"]


def test_an_instance_profile_does_not_get_in_the_way_of_a_repeated_request(
    launch: Launch, cloud: LocalCloud, token: str
) -> None:
    iam, name = cloud.client("iam"), f"profile-{token}"
    iam.create_instance_profile(InstanceProfileName=name)
    asked = {"ClientToken": token, "IamInstanceProfile": {"Name": name}}

    assert launch(**asked)["InstanceId"] == launch(**asked)["InstanceId"]


def test_a_lost_answer_is_recovered_by_asking_again(
    launch: Launch, cloud: LocalCloud, ec2: Any, token: str, request: pytest.FixtureRequest
) -> None:
    cloud.fault(kind="cut", action="RunInstances")

    with pytest.raises(Exception, match=r"(?i)connection"):
        launch(ClientToken=token)

    there = with_token(ec2, token)
    assert [launch(ClientToken=token)["InstanceId"]] == [one["InstanceId"] for one in there]


def test_a_filter_finds_nothing_for_a_token_that_nobody_used(ec2: Any, launch: Callable[..., Any]) -> None:
    launch()

    assert with_token(ec2, str(uuid.uuid4())) == []

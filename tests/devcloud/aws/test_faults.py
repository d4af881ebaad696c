"""What the control API can make go wrong."""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from support.cloud import Launch, LocalCloud, becomes, code_of
from support.login import Keys

Running = Callable[..., Awaitable[dict[str, Any]]]


def status_of(refused: pytest.ExceptionInfo[ClientError]) -> int:
    return int(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_throttling_happens_as_often_as_told_and_to_that_action_only(cloud: LocalCloud, ec2: Any) -> None:
    cloud.fault(kind="throttle", action="DescribeInstances", times=2)

    for _ in range(2):
        ec2.describe_images()
        with pytest.raises(ClientError) as refused:
            ec2.describe_instances()
        assert (code_of(refused), status_of(refused)) == ("RequestLimitExceeded", 503)
    ec2.describe_instances()


def test_throttling_of_other_services_is_named_as_they_name_it(cloud: LocalCloud) -> None:
    cloud.fault(kind="throttle", action="ListHostedZonesByName")

    with pytest.raises(ClientError) as refused:
        cloud.client("route53").list_hosted_zones_by_name()

    assert (code_of(refused), status_of(refused)) == ("Throttling", 400)


@pytest.fixture
def bucket(cloud: LocalCloud) -> str:
    name = f"bucket-{uuid.uuid4()}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def test_s3_slows_down_for_one_action_and_serves_the_others(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="a/key", Body=b"before")
    cloud.fault(kind="throttle", action="PutObject")

    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a/key", Body=b"x" * 2_000_000)
    assert (code_of(refused), status_of(refused)) == ("SlowDown", 503)
    assert s3.get_object(Bucket=bucket, Key="a/key")["Body"].read() == b"before"
    s3.put_object(Bucket=bucket, Key="a/key", Body=b"after")
    assert s3.get_object(Bucket=bucket, Key="a/key")["Body"].read() == b"after"


def test_an_answer_of_s3_that_is_lost_was_a_deed_nevertheless(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    cloud.fault(kind="cut", action="PutObject")

    with pytest.raises(HTTPClientError):
        s3.put_object(Bucket=bucket, Key="key", Body=b"stored")

    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"stored"


ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("GetBucketLocation", "get_bucket_location", {}),
    ("GetBucketVersioning", "get_bucket_versioning", {}),
    ("GetBucketLifecycleConfiguration", "get_bucket_lifecycle_configuration", {}),
    ("ListMultipartUploads", "list_multipart_uploads", {}),
    ("ListObjectsV2", "list_objects_v2", {}),
    ("HeadBucket", "head_bucket", {}),
    ("DeleteObjects", "delete_objects", {"Delete": {"Objects": [{"Key": "key"}]}}),
    ("GetObject", "get_object", {"Key": "key"}),
    ("HeadObject", "head_object", {"Key": "key"}),
    ("PutObject", "put_object", {"Key": "key", "Body": b"x"}),
    ("CopyObject", "copy_object", {"Key": "key", "CopySource": "bucket/key"}),
    ("UploadPart", "upload_part", {"Key": "key", "UploadId": "u", "PartNumber": 1, "Body": b"x"}),
    ("CreateMultipartUpload", "create_multipart_upload", {"Key": "key"}),
    ("CompleteMultipartUpload", "complete_multipart_upload", {"Key": "key", "UploadId": "u"}),
    ("AbortMultipartUpload", "abort_multipart_upload", {"Key": "key", "UploadId": "u"}),
    ("DeleteObject", "delete_object", {"Key": "key"}),
]


@pytest.mark.parametrize(("action", "call", "parameters"), ASKED, ids=[action for action, *_ in ASKED])
def test_each_action_of_s3_can_be_refused_by_its_name(
    cloud: LocalCloud, bucket: str, action: str, call: str, parameters: dict[str, Any]
) -> None:
    cloud.fault(kind="error", action=action, code="AccessDenied", status=403)

    with pytest.raises(ClientError) as refused:
        getattr(cloud.client("s3"), call)(Bucket=bucket, **parameters)

    assert status_of(refused) == 403
    assert cloud.control("GET", "/faults")[1] == {"faults": []}, "it was this fault, and it is used up"


def test_what_is_asked_about_an_object_is_not_taken_for_the_object(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    cloud.fault(kind="error", action="GetObject", code="AccessDenied", status=403)

    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []


def test_no_capacity_starts_nothing_and_passes(cloud: LocalCloud, launch: Launch) -> None:
    before = len(cloud.control("GET", "/state")[1]["instances"])
    cloud.fault(kind="capacity")

    with pytest.raises(ClientError) as refused:
        launch()

    assert (code_of(refused), status_of(refused)) == ("InsufficientInstanceCapacity", 500)
    assert len(cloud.control("GET", "/state")[1]["instances"]) == before
    launch()


def test_no_capacity_does_not_take_back_what_a_token_already_got(cloud: LocalCloud, launch: Launch) -> None:
    first = launch(ClientToken="got-it")
    cloud.fault(kind="capacity")

    assert launch(ClientToken="got-it")["InstanceId"] == first["InstanceId"]
    with pytest.raises(ClientError):
        launch(ClientToken="another")


def test_any_error_can_be_injected(cloud: LocalCloud, ec2: Any) -> None:
    cloud.fault(kind="error", action="DescribeImages", code="UnauthorizedOperation", status=403)

    with pytest.raises(ClientError) as refused:
        ec2.describe_images()

    assert (code_of(refused), status_of(refused)) == ("UnauthorizedOperation", 403)


async def test_a_slow_boot_is_pending_for_that_long_and_unreachable(
    cloud: LocalCloud, launch: Launch, ec2: Any, keys: Keys
) -> None:
    cloud.fault(kind="slow-boot", seconds=4)
    began = time.monotonic()

    instance = await becomes(ec2, launch()["InstanceId"], "running")

    assert time.monotonic() - began >= 4
    assert await keys.run(instance["PublicIpAddress"], 22, "true") == ""


async def test_a_failed_boot_ends_terminated_with_a_reason(cloud: LocalCloud, launch: Launch, ec2: Any) -> None:
    cloud.fault(kind="failed-boot", message="no power")

    instance = await becomes(ec2, launch()["InstanceId"], "terminated")

    assert instance["StateReason"] == {"Code": "Server.InternalError", "Message": "Server.InternalError: no power"}


async def test_a_lost_instance_runs_on_paper_and_fails_its_status_checks(
    cloud: LocalCloud, running: Running, ec2: Any, keys: Keys
) -> None:
    up = await running()
    healthy = ec2.describe_instance_status(InstanceIds=[up["InstanceId"]])["InstanceStatuses"][0]
    cloud.fault(kind="lost", instance_id=up["InstanceId"])

    shown = ec2.describe_instance_status(InstanceIds=[up["InstanceId"]])["InstanceStatuses"][0]

    assert (healthy["InstanceStatus"]["Status"], healthy["SystemStatus"]["Status"]) == ("ok", "ok")
    assert shown["InstanceState"]["Name"] == "running"
    assert (shown["InstanceStatus"]["Status"], shown["SystemStatus"]["Status"]) == ("impaired", "impaired")
    with pytest.raises(OSError, match=r"(?i)conn"):
        await keys.run(up["PublicIpAddress"], 22, "true")


async def test_a_lost_instance_may_show_as_terminated(cloud: LocalCloud, running: Running, ec2: Any) -> None:
    up = await running()

    cloud.fault(kind="lost", instance_id=up["InstanceId"], shows="terminated")

    gone = await becomes(ec2, up["InstanceId"], "terminated")
    assert gone["StateReason"]["Code"] == "Server.InternalError"


def test_the_state_lists_pending_faults_until_they_are_cleared(cloud: LocalCloud) -> None:
    cloud.fault(kind="capacity", times=3)
    pending = cloud.control("GET", "/state")[1]["faults"]
    cloud.control("DELETE", "/faults")

    assert [(fault["kind"], fault["times"]) for fault in pending] == [("capacity", 3)]
    assert cloud.control("GET", "/faults") == (200, {"faults": []})


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "meteor"},
        {"kind": "throttle"},
        {"kind": "error", "action": "RunInstances"},
        {"kind": "capacity", "colour": "red"},
        {"kind": "lost", "instance_id": "i-none"},
        {"kind": "lost", "instance_id": "i-none", "shows": "happy"},
        [],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_reason(cloud: LocalCloud, wrong: Any) -> None:
    status, answer = cloud.control("POST", "/faults", wrong)

    assert status == 422
    assert answer["error"]
    assert cloud.control("GET", "/faults")[1] == {"faults": []}

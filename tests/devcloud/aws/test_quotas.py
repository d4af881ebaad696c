"""How much an account may have."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, code_of

VCPUS, BUCKETS = ("ec2", "L-1216C47A"), ("s3", "L-DC2B2D3D")


@pytest.fixture
def cloud(crowd: LocalCloud) -> Iterator[LocalCloud]:
    yield crowd
    for which in (VCPUS, BUCKETS):
        limit(crowd, which, None)


def limit(cloud: LocalCloud, which: tuple[str, str], value: float | None) -> None:
    status, answer = cloud.control("PUT", "/quotas", {"service": which[0], "code": which[1], "value": value})
    assert status == 200, answer


def quota(cloud: LocalCloud, which: tuple[str, str]) -> float:
    client = cloud.client("service-quotas")
    return float(client.get_service_quota(ServiceCode=which[0], QuotaCode=which[1])["Quota"]["Value"])


def run(cloud: LocalCloud, count: int, **more: Any) -> list[str]:
    ec2 = cloud.client("ec2")
    asked = {"ImageId": ec2.describe_images()["Images"][0]["ImageId"], "InstanceType": "t3.small", **more}
    return [each["InstanceId"] for each in ec2.run_instances(MinCount=count, MaxCount=count, **asked)["Instances"]]


def test_quotas_are_told_and_follow_what_is_set(cloud: LocalCloud) -> None:
    before = quota(cloud, BUCKETS)
    limit(cloud, VCPUS, 32)

    listed = cloud.client("service-quotas").list_service_quotas(ServiceCode="ec2")["Quotas"]

    assert before == 10_000
    assert [(each["QuotaCode"], each["Value"]) for each in listed] == [("L-1216C47A", 32.0)]
    assert quota(cloud, VCPUS) == 32


def test_a_quota_that_is_not_kept_here_is_not_found(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError) as refused:
        quota(cloud, ("ec2", "L-00000000"))

    assert code_of(refused) == "NoSuchResourceException"
    assert cloud.control("PUT", "/quotas", {"service": "ec2", "code": "L-0", "value": 1})[0] == 422


def test_vcpus_are_counted_while_instances_live(cloud: LocalCloud) -> None:
    limit(cloud, VCPUS, 4)  # a t3.small has two
    first, second = run(cloud, 1), run(cloud, 1)

    with pytest.raises(ClientError) as refused:
        run(cloud, 1)
    assert code_of(refused) == "VcpuLimitExceeded"
    cloud.client("ec2").terminate_instances(InstanceIds=first)
    third = run(cloud, 1)
    cloud.client("ec2").terminate_instances(InstanceIds=[*second, *third])


def test_a_repeated_token_gets_its_instance_although_the_quota_is_used_up(cloud: LocalCloud) -> None:
    limit(cloud, VCPUS, 2)

    first, again = run(cloud, 1, ClientToken="mine"), run(cloud, 1, ClientToken="mine")

    assert first == again
    cloud.client("ec2").terminate_instances(InstanceIds=first)


def test_no_more_buckets_than_the_quota(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    limit(cloud, BUCKETS, len(s3.list_buckets()["Buckets"]) + 1)
    s3.create_bucket(Bucket=f"bucket-{uuid.uuid4()}")

    with pytest.raises(ClientError) as refused:
        s3.create_bucket(Bucket=f"bucket-{uuid.uuid4()}")

    assert code_of(refused) == "TooManyBuckets"


class TestNoCapacity:
    @pytest.mark.parametrize(
        ("short_of", "elsewhere"),
        [
            ({"instance_type": "t3.small"}, {"InstanceType": "t3.micro"}),
            ({"zone": "us-east-1a"}, {"Placement": {"AvailabilityZone": "us-east-1b"}}),
        ],
    )
    def test_of_one_type_or_zone_leaves_the_others(
        self, cloud: LocalCloud, short_of: dict[str, str], elsewhere: dict[str, Any]
    ) -> None:
        cloud.fault(kind="capacity", times=100, **short_of)

        for _ in range(2):
            with pytest.raises(ClientError) as refused:
                run(cloud, 1, Placement={"AvailabilityZone": "us-east-1a"})
            assert code_of(refused) == "InsufficientInstanceCapacity"
        cloud.client("ec2").terminate_instances(InstanceIds=run(cloud, 1, **elsewhere))


def test_what_is_tagged_is_found_by_its_tag(cloud: LocalCloud) -> None:
    deployment = f"d-{uuid.uuid4()}"
    tags = [{"Key": "s4:deployment", "Value": deployment}]
    ec2, s3, bucket = cloud.client("ec2"), cloud.client("s3"), f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    kinds = [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")]
    instance = run(cloud, 1, TagSpecifications=kinds)
    group = ec2.create_security_group(
        GroupName=deployment, Description="d", TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}]
    )["GroupId"]

    tagging = cloud.client("resourcegroupstaggingapi")
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "s4:deployment", "Values": [deployment]}]
    )
    arns = [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]

    kinds_found = sorted(arn.split(":")[5].partition("/")[0] for arn in arns)
    assert kinds_found == sorted([bucket, "instance", "security-group", "volume"]), json.dumps(arns)
    assert any(group in arn for arn in arns)
    ec2.terminate_instances(InstanceIds=instance)


def test_buckets_come_in_pages_and_by_region(cloud: LocalCloud) -> None:
    s3, prefix = cloud.client("s3"), f"p{uuid.uuid4().hex}-"
    tags = [{"Key": "s4:deployment", "Value": prefix}]
    for number in range(5):
        west = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}} if number == 4 else {}
        s3.create_bucket(Bucket=f"{prefix}{number}", **west)
        s3.put_bucket_tagging(Bucket=f"{prefix}{number}", Tagging={"TagSet": tags})

    pages = list(s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2}))
    here = s3.list_buckets(Prefix=prefix, BucketRegion="us-east-1")["Buckets"]
    tagged = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "s4:deployment", "Values": [prefix]}]
    )["ResourceTagMappingList"]

    assert [len(page["Buckets"]) for page in pages] == [2, 2, 1]
    assert len(here) == len(tagged) == 4

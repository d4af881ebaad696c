"""Calls that are counted, limited and slowed."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s4_devcloud.aws.calls import Call
from s4_devcloud.aws.traffic import Latency, Rate, Traffic
from support.cloud import LocalCloud, code_of

IMAGES = Call("ec2", "DescribeImages", "ec2", "", {})
BUCKETS = Call("s3", "ListBuckets", "s3", "", {})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_lets_a_burst_through_and_then_so_many_each_second() -> None:
    clock = Clock()
    traffic = Traffic(clock)
    traffic.set_rate(Rate("DescribeImages", per_second=2, burst=3), "DescribeImages")

    at_once = [traffic.admit(IMAGES) for _ in range(5)]
    clock.now += 1
    later = [traffic.admit(IMAGES) for _ in range(3)]
    clock.now += 100
    rested = [traffic.admit(IMAGES) for _ in range(4)]

    assert at_once == [True, True, True, False, False]
    assert later == [True, True, False]
    assert rested == [True, True, True, False]


@pytest.mark.parametrize(
    ("pattern", "fits"), [("*", True), ("ec2:*", True), ("ec2:DescribeImages", True), ("s3:*", False), ("ec2", False)]
)
def test_a_rate_is_for_the_calls_that_fit_it(pattern: str, fits: bool) -> None:  # noqa: FBT001  a parameter
    traffic = Traffic(Clock())
    traffic.set_rate(Rate(pattern, per_second=0, burst=1), pattern)
    traffic.admit(IMAGES)

    assert traffic.admit(IMAGES) is not fits


def test_what_does_not_fit_has_no_part_in_a_rate() -> None:
    traffic = Traffic(Clock())
    traffic.set_rate(Rate("s3:*", per_second=0, burst=1), "s3:*")

    assert [traffic.admit(BUCKETS), traffic.admit(BUCKETS), traffic.admit(IMAGES)] == [True, False, True]
    assert traffic.calls() == {
        "calls": {"ec2:DescribeImages": {"calls": 1, "throttled": 0}, "s3:ListBuckets": {"calls": 2, "throttled": 1}},
        "total": 3,
    }


def test_latencies_add_up_and_end() -> None:
    traffic = Traffic(Clock())
    traffic.set_latency(Latency("ec2:*", 0.25), "ec2:*")
    traffic.set_latency(Latency("*", 0.5, jitter=0.0), "*")

    both = traffic.delay(IMAGES)
    traffic.set_latency(None, "*")

    assert (both, traffic.delay(IMAGES), traffic.delay(BUCKETS)) == (0.75, 0.25, 0.0)


@pytest.fixture
def counted(crowd: LocalCloud) -> LocalCloud:
    crowd.control("DELETE", "/calls")
    return crowd


def calls(cloud: LocalCloud) -> dict[str, int]:
    found = cloud.control("GET", "/calls")[1]["calls"]
    return {name: each["calls"] for name, each in found.items()}


def test_every_call_of_every_service_is_counted_by_its_name(counted: LocalCloud) -> None:
    counted.client("ec2").describe_images()
    counted.client("route53").list_hosted_zones()
    counted.client("sts").get_caller_identity()
    counted.client("kms").list_keys()
    s3 = counted.client("s3")
    s3.list_buckets()
    s3.create_bucket(Bucket="counted")
    s3.put_bucket_tagging(Bucket="counted", Tagging={"TagSet": []})
    s3.delete_bucket(Bucket="counted")

    assert calls(counted) == dict.fromkeys(
        (
            "ec2:DescribeImages",
            "kms:ListKeys",
            "route53:ListHostedZones",
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:ListBuckets",
            "s3:PutBucketTagging",
            "sts:GetCallerIdentity",
        ),
        1,
    )
    assert counted.control("DELETE", "/calls")[1]["total"] == 8
    assert counted.control("GET", "/calls")[1] == {"calls": {}, "total": 0}


def throttled(call: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return code_of(refused)


def test_a_rate_over_the_wire_is_named_as_each_service_names_it(counted: LocalCloud) -> None:
    kms, ec2, s3 = counted.client("kms"), counted.client("ec2"), counted.client("s3")
    for action in ("kms:*", "DescribeImages", "ListBuckets"):
        assert counted.control("PUT", "/traffic/rates", {"action": action, "per_second": 0})[0] == 200
    for call in (kms.list_keys, ec2.describe_images, s3.list_buckets):
        call()

    codes = [throttled(call) for call in (kms.list_keys, ec2.describe_images, s3.list_buckets)]

    assert codes == ["ThrottlingException", "RequestLimitExceeded", "SlowDown"]
    ec2.describe_instances()
    counted.control("PUT", "/traffic/rates", {"action": "DescribeImages", "per_second": None})
    ec2.describe_images()
    assert counted.control("GET", "/calls")[1]["calls"]["ec2:DescribeImages"] == {"calls": 3, "throttled": 1}


def test_a_latency_over_the_wire_makes_a_call_take_longer(counted: LocalCloud) -> None:
    counted.control("PUT", "/traffic/latency", {"action": "DescribeImages", "seconds": 0.3})
    began = time.monotonic()

    counted.client("ec2").describe_images()

    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/traffic/rates", {"per_second": 1}),
        ("/traffic/rates", {"action": "*", "per_second": -1}),
        ("/traffic/latency", {"action": "*", "seconds": "long"}),
        ("/enforcement", {"who": "me"}),
        ("/enforcement", []),
        ("/quotas", {"service": "ec2"}),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(counted: LocalCloud, path: str, wrong: Any) -> None:
    status, answer = counted.control("PUT", path, wrong)

    assert status == 422
    assert answer["error"]

"""How often AWS lets one account ask, by its own documentation. Values are the defaults of a new account."""

from types import MappingProxyType
from typing import Literal

import msgspec

Scope = Literal["action", "service"]


class Rate(msgspec.Struct, frozen=True):
    """A token bucket: so many at once, and so many a second for ever."""

    burst: float
    per_second: float
    scope: Scope = "action"  # whether each action has such a bucket, or all actions of the service share one


# "Request throttling for the Amazon EC2 API" (EC2 Developer Guide): per account and region, each action by itself.
_EC2_READING = Rate(100, 20)
_EC2_READING_EVERYTHING = Rate(50, 10)  # without filter and without pages
_EC2_CHANGING = Rate(50, 5)
_EC2 = MappingProxyType(
    {
        "RunInstances": Rate(5, 2),
        "TerminateInstances": Rate(50, 5),
        "CreateTags": Rate(100, 10),
        "DescribeInstanceTypes": _EC2_READING_EVERYTHING,
    }
)
_READING = ("Describe", "Get", "List", "Head", "Search")
_SERVICES = MappingProxyType(
    {
        # "Quotas" (Route 53 Developer Guide): five requests a second for the whole account. The newer page on
        # throttling says ten, and fifty at once; an account has the one or the other, so we keep to the smaller.
        "route53": Rate(5, 5, "service"),
        # "IAM and AWS STS quotas": 600 a second for each account and region, all actions together.
        "sts": Rate(600, 600, "service"),
        # "Service quotas for Service Quotas": GetServiceQuota and GetAWSDefaultServiceQuota.
        "service-quotas": Rate(5, 5),
        # Of these no figure is documented ("How to monitor and query IAM resources at scale", part 2, says so of IAM):
        # a careful beginning, which throttling corrects.
        "iam": Rate(20, 5, "service"),
        "resourcegroupstaggingapi": Rate(10, 5, "service"),
    }
)
# "Best practices design patterns: optimizing Amazon S3 performance": 3,500 writes and 5,500 reads a second and prefix.
_S3_OBJECTS = Rate(3500, 3500)
_S3_OBJECT_ACTIONS = frozenset(
    {"PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjectsV2", "ListObjectVersions"}
)
_S3_BUCKETS = Rate(100, 50)  # not documented, for each action on a bucket itself
_OTHERWISE = Rate(20, 5)
# "Throttling for Amazon Route 53 API requests": changes have a bucket of their own, in which an UPSERT counts twice.
DNS_CHANGES = Rate(1500, 100, "service")


def rate_of(service: str, action: str) -> Rate:
    """What AWS allows of this action."""
    match service:
        case "ec2":
            return _EC2.get(action) or (_EC2_READING if action.startswith(_READING) else _EC2_CHANGING)
        case "s3":
            return _S3_OBJECTS if action in _S3_OBJECT_ACTIONS else _S3_BUCKETS
        case _:
            return _SERVICES.get(service, _OTHERWISE)

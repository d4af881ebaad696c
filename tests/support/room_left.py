"""Quotas of the local cloud, set by what is to be left of them: other tests use it, too."""

from support.grid_cloud import Cloud

VCPUS, BUCKETS = ("ec2", "L-1216C47A"), ("s3", "L-DC2B2D3D")
_VCPUS_EACH = 2  # of t3.small, which all machines of the tests are


def quota_left(cloud: Cloud, quota: tuple[str, str], left: int | None) -> None:
    """So much more may be had; None for as much as at first."""
    value = None if left is None else _used(cloud, quota) + left
    cloud.control("PUT", "/quotas", {"service": quota[0], "code": quota[1], "value": value})


def _used(cloud: Cloud, quota: tuple[str, str]) -> int:
    if quota == BUCKETS:
        return len(cloud.client("s3").list_buckets()["Buckets"])
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = cloud.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return _VCPUS_EACH * sum(len(group["Instances"]) for group in found)

"""Volumes that ask for it have a snapshot every day, taken by a role that can do nothing else."""

from typing import Any

import pytest

from support.manifests import in_environment
from support.templates import parameters, resolved, template


def details() -> dict[str, Any]:
    """What the lifecycle policy says."""
    found: dict[str, Any] = template("snapshots")["Resources"]["Daily"]["Properties"]["PolicyDetails"]
    return found


def test_one_a_day_is_kept_for_two_weeks() -> None:
    (schedule,) = details()["Schedules"]
    assert (schedule["CreateRule"]["Interval"], schedule["CreateRule"]["IntervalUnit"]) == (24, "HOURS")
    assert schedule["RetainRule"] == {"Count": 14}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_volume_that_a_pod_is_given_has_the_tag(environment: str) -> None:
    (tag,) = details()["TargetTags"]
    for one in in_environment(environment).of("StorageClass"):
        assert f"{tag['Key']}={tag['Value']}" in one["parameters"].values()


def test_its_role_touches_tagged_volumes_and_its_own_snapshots_only() -> None:
    (policy,) = template("snapshots")["Resources"]["Taker"]["Properties"]["Policies"]
    found = {each["Sid"]: each for each in resolved(policy["PolicyDocument"], parameters("production"))["Statement"]}
    assert all(each["Effect"] == "Allow" for each in found.values())
    assert all(action.startswith("ec2:Describe") for action in found.pop("Looking")["Action"])
    (tag,) = details()["TargetTags"]
    named = {f"aws:ResourceTag/{tag['Key']}": tag["Value"]}
    assert found["OfTaggedVolumes"]["Condition"] == {"StringEquals": named}
    (schedule,) = details()["Schedules"]
    (mark,) = schedule["TagsToAdd"]
    own = {**named, f"aws:ResourceTag/{mark['Key']}": mark["Value"]}
    assert found["Ending"]["Condition"] == {"StringEquals": own}
    assert schedule["CopyTags"] is True
    snapshots = "arn:aws:ec2:*::snapshot/*"
    assert {found[name]["Resource"] for name in ("IntoSnapshots", "Tagging", "Ending")} == {snapshots}

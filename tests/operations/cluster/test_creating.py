"""`s4 cluster create`."""

import pytest

from support.cluster_desk import Desk
from support.grid_cloud import Cloud

pytestmark = pytest.mark.long  # each command starts several programs


def buckets(desk: Desk, cloud: Cloud) -> set[str]:
    """This test's own."""
    found = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
    return {name for name in found if name.startswith(desk.label)}


@pytest.mark.usefixtures("hosted_zone")
def test_without_yes_everything_is_shown_and_nothing_is_done(desk: Desk, cloud: Cloud, zone: str) -> None:
    status, text = desk.s4("create", "staging")

    assert status == 0
    assert f"kops replace --force --filename .s4/clusters/staging.{zone}/manifests.yaml" in text
    assert f"kops update cluster staging.{zone} --create-kube-config=false --yes" in text
    assert "KUBECONFIG=" in text
    assert "+ bucket" in text
    assert "+ InstanceGroup nodes" in text
    assert "Nothing was done" in text
    assert desk.events() == []
    assert not (desk.folder / ".s4").exists()
    assert buckets(desk, cloud) == set()


@pytest.mark.usefixtures("hosted_zone")
def test_a_cluster_is_made_from_nothing(desk: Desk, cloud: Cloud) -> None:
    text = desk.done("create", "staging")

    assert "[8/8] the dashboard is installed" in text
    assert [line for line in desk.events() if line.startswith("update nodes")] == ["update nodes 1.32.4 2-6"]
    assert buckets(desk, cloud) == {f"{desk.label}-state", f"{desk.label}-identity"}
    s3, state = cloud.client("s3"), f"{desk.label}-state"
    assert s3.get_bucket_versioning(Bucket=state)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=state)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=state)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"

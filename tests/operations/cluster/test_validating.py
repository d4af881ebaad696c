"""`s4 cluster validate`: each thing that makes a cluster unfit is named."""

import json
from datetime import timedelta
from typing import Any

import pytest

from support.cluster_desk import Desk
from support.grid_cloud import Cloud
from support.healthy_cluster import api_server, certificate, healthy, namespace, node, pod, storage_class, thing

pytestmark = pytest.mark.long  # each command starts several programs


def ill(desk: Desk) -> dict[str, list[str]]:
    """What is wrong, by check."""
    status, text = desk.s4("validate", "staging", "--json")
    found = {each["name"]: each["wrong"] for each in json.loads(text) if each["wrong"]}
    assert status == (1 if found else 0)
    return found


def test_a_cluster_that_is_well_passes(standing: Desk) -> None:
    status, text = standing.s4("validate", "staging")

    assert status == 0, text
    assert [line.split(maxsplit=1)[0] for line in text.splitlines()] == ["well"] * 9


ILLS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "nodes": ({"nodes": [node(f"n{n}") for n in range(3)]}, "3 nodes, at least 5 wanted"),
    "system pods": (
        {"pods": [thing("dns", "kube-system", status={"phase": "Pending"})]},
        "kube-system/dns is not ready",
    ),
    "storage class": (
        {"storageclasses": [storage_class("plain", encrypted="false", default="false")]},
        "plain does not encrypt",
    ),
    "DNS": ({"deployments": [thing("headlamp", "headlamp", "Available")]}, "kube-system/coredns is not available"),
    "certificates": ({"certificates.cert-manager.io": [certificate("site", timedelta(days=2))]}, "s4/site ends"),
    "Pod Security": ({"namespaces": [namespace("s4", "baseline")]}, "s4 is not restricted"),
    "dashboard": (
        {"deployments": [thing("coredns", "kube-system", "Available")]},
        "headlamp/headlamp is not available",
    ),
}


@pytest.mark.usefixtures("hosted_zone")
def test_what_is_ill_is_named(standing: Desk) -> None:
    for check, (lists, told) in ILLS.items():
        standing.cluster_has(**(healthy() | lists))
        found = ill(standing)
        assert list(found) == [check], found
        assert found[check][0].startswith(told)


def test_a_node_of_another_version_is_named(standing: Desk) -> None:
    standing.cluster_has(nodes=[*(node(f"n{n}") for n in range(4)), node("old", "1.31.9")])

    assert ill(standing) == {"nodes": ["old runs v1.31.9"]}


def test_disks_without_encryption_and_machines_whose_pods_reach_the_metadata_service_are_named(
    standing: Desk, cloud: Cloud, zone: str
) -> None:
    ec2, tags = cloud.client("ec2"), [{"Key": "KubernetesCluster", "Value": f"staging.{zone}"}]
    told = [{"ResourceType": "volume", "Tags": tags}]
    plain = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=False, TagSpecifications=told)
    ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, TagSpecifications=told)

    assert ill(standing) == {"encryption": [f"{plain['VolumeId']} is not encrypted"]}


def test_a_certificate_of_the_api_server_that_ends_soon_is_named(
    standing: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_server(standing.folder, timedelta(days=3)) as address:
        monkeypatch.setenv("KOPS_STAND_IN_API", address)
        (told,) = ill(standing)["certificates"]

    assert told.startswith("the API server's certificate ends")


def test_a_cluster_that_does_not_answer_is_ill_in_everything_that_only_it_knows(standing: Desk) -> None:
    (standing.kubectl / "unreachable").touch()

    assert {"nodes", "system pods", "Pod Security"} <= ill(standing).keys()


def test_kops_is_not_needed_when_a_kubeconfig_is_given(standing: Desk) -> None:
    (kubeconfig,) = standing.folder.glob(".s4/clusters/*/kubeconfig")
    kept = standing.folder / "mine"
    kept.write_text(kubeconfig.read_text())
    (standing.folder / "bin" / "kops").unlink()

    assert standing.s4("validate", "staging", "--kubeconfig", str(kept))[0] == 0
    assert standing.s4("validate", "staging")[0] == 1


def test_a_kubeconfig_of_another_cluster_is_never_used(standing: Desk) -> None:
    other = standing.folder / "other"
    other.write_text(json.dumps({"current-context": "production.k8s.s4.example"}))

    status, text = standing.s4("validate", "staging", "--kubeconfig", str(other))

    assert status == 1
    assert "cluster-unreachable" in text


def test_a_privileged_pod_is_really_tried(standing: Desk) -> None:
    standing.cluster_has(pods=[pod("dns", "kube-system")], namespaces=[namespace("s4")])

    assert ill(standing) == {}
    assert "create --dry-run=server --filename -" in (standing.kubectl / "events").read_text()

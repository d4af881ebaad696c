"""What a cluster may be, and what kops is told."""

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from s4_cli.words import parser
from s4_ops.cluster import manifests
from s4_ops.cluster.groups import order
from s4_ops.cluster.network import subnets
from s4_ops.cluster.spec import Spec, complaints, load
from s4_runtime import Permanent
from support.kops_fields import wrong

ROOT = Path(__file__).parents[3]
NAMES = ("production", "staging", "throwaway")


def spec_of(name: str) -> Spec:
    return load(name, ROOT / "ops" / "clusters" / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_kops_would_accept_every_spec_of_the_repository(name: str) -> None:
    assert [line for each in manifests.documents(spec_of(name)) for line in wrong(each)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_disk_is_encrypted_with_our_key_and_pods_cannot_reach_the_metadata_service(name: str) -> None:
    spec = spec_of(name)
    cluster, *groups = manifests.documents(spec)
    members = [member for etcd in cluster["spec"]["etcdClusters"] for member in etcd["etcdMembers"]]

    assert all(each["encryptedVolume"] and each["kmsKeyId"] == spec.encryption_key for each in members)
    for group in groups:
        assert group["spec"]["rootVolumeEncryption"]
        assert group["spec"]["rootVolumeEncryptionKey"] == spec.encryption_key
        assert group["spec"]["instanceMetadata"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1}
        assert group["spec"]["associatePublicIp"] is False


def test_nodes_are_in_private_networks_that_do_not_overlap() -> None:
    found = subnets(spec_of("production"))
    private = {each["name"] for each in found if each["type"] == "Private"}
    cluster, *groups = manifests.documents(spec_of("production"))

    assert all(set(group["spec"]["subnets"]) <= private for group in groups)
    assert len({each["cidr"] for each in found}) == len(found) == 6
    assert cluster["spec"]["networking"] == {"calico": {}}


def test_a_zone_that_is_added_leaves_the_others_their_addresses() -> None:
    spec = spec_of("throwaway")
    more = msgspec.structs.replace(spec, zones=("eu-central-1a", "eu-central-1c"))

    assert [each for each in subnets(more) if each["zone"] == "eu-central-1a"] == subnets(spec)


def test_who_changes_something_is_written_down_and_what_secrets_hold_is_not() -> None:
    (file,) = manifests.cluster(spec_of("production"))["spec"]["fileAssets"]
    rules = yaml.safe_load(file["content"])["rules"]
    of_secrets = next(rule for rule in rules if "secrets" in str(rule.get("resources")))
    of_changes = next(rule for rule in rules if "patch" in rule.get("verbs", []))

    assert of_secrets["level"] == "Metadata"
    assert rules.index(of_secrets) < rules.index(of_changes)


def test_the_control_plane_is_upgraded_first() -> None:
    planes, nodes = order(spec_of("production"))

    assert planes == [f"control-plane-eu-central-1{letter}" for letter in "abc"]
    assert nodes == ["nodes", "state"]


WRONG: dict[str, dict[str, Any]] = {
    "kubernetes is older than 1.30": {"kubernetes": "1.29.9"},
    "name must lie in dns_zone": {"name": "production.example"},
    "zones must be of the region, each once": {"zones": ("us-east-1a", "us-east-1b", "us-east-1c")},
    "control_plane.machines exceeds the zones": {"zones": ("eu-central-1a",)},
    "production's API must not be open to all": {"api_access": ("0.0.0.0/0",)},
    "encryption_key is no ARN of a KMS key": {"encryption_key": "alias/any"},
    "account is not twelve digits": {"account": "1"},
    "groups need different names": {"groups": ()},
    "the two buckets must differ": {"state_bucket": "a", "identity_bucket": "a"},
    "names of buckets must not begin with s4-": {"state_bucket": "s4-production-state"},
    "network must be a private /16 or larger": {"network": "10.0.0.0/24"},
    "only a throw-away cluster expires": {"expires": "2026-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("complaint", WRONG)
def test_a_spec_that_no_cluster_can_be_made_of_is_refused(complaint: str) -> None:
    assert complaints(msgspec.structs.replace(spec_of("production"), **WRONG[complaint])) == [complaint]


def test_production_needs_a_control_plane_that_survives_a_zone() -> None:
    spec = spec_of("production")
    lone = msgspec.structs.replace(spec.control_plane, machines=1)

    assert complaints(msgspec.structs.replace(spec, control_plane=lone)) == [
        "production needs three machines of the control plane"
    ]


def test_a_spec_of_another_environment_is_refused() -> None:
    with pytest.raises(Permanent, match="wrong-environment asked=production spec=staging"):
        load("production", ROOT / "ops" / "clusters" / "staging.yaml")


def test_a_word_that_means_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "production.yaml"
    path.write_text((ROOT / "ops" / "clusters" / "production.yaml").read_text() + "nodes: 3\n")

    with pytest.raises(Permanent, match="unknown field `nodes`"):
        load("production", path)


def test_the_stand_in_refuses_what_kops_would_refuse() -> None:
    group = manifests.documents(spec_of("staging"))[-1]
    unknown = group | {"spec": group["spec"] | {"diskSize": 3}}
    upside_down = group | {"spec": group["spec"] | {"minSize": 3, "maxSize": 2}}
    typed = group | {"spec": group["spec"] | {"minSize": "3"}}

    assert wrong(unknown) == ["InstanceGroup.spec: unknown field 'diskSize'"]
    assert wrong(upside_down) == ["maxSize must be greater than or equal to minSize"]
    assert wrong(typed) == ["InstanceGroup.spec.minSize: must be int"]


def test_every_command_of_the_manual_is_one() -> None:
    text = (ROOT / "docs" / "operations" / "cluster.md").read_text()
    commands = [line.strip().removeprefix("s4 ") for line in text.splitlines() if line.startswith("    s4 cluster")]

    assert len(commands) >= 12
    for command in commands:
        asked = parser().parse_args(shlex.split(command))
        assert callable(asked.run), command


def test_the_dashboard_has_no_rights_of_its_own_and_nothing_reaches_it_from_outside() -> None:
    text = (ROOT / "ops" / "clusters" / "dashboard" / "headlamp.yaml").read_text()
    found = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}
    pod = found["Deployment", "headlamp"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "@sha256:" in container["image"]
    bindings = [each for (kind, _), each in found.items() if kind.endswith("RoleBinding")]
    assert [(each["roleRef"]["name"], each["subjects"][0]["name"]) for each in bindings] == [("view", "operator-view")]
    assert found["NetworkPolicy", "headlamp"]["spec"]["ingress"] == []
    assert "type" not in found["Service", "headlamp"]["spec"]

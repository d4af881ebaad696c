"""Staging and production share nothing, and a release touches its own namespace only."""

import json
import re

import pytest
import yaml

from support.manifests import K8S, Object, in_environment, render

NAMESPACES = {"local": "s4-local", "staging": "s4-staging", "production": "s4"}
CLOUD = ("staging", "production")
EVERYWHERE = {
    "Namespace",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "ClusterIssuer",
    "IngressClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")


def installation(environment: str) -> dict[str, str]:
    """What makes it different from the other ones."""
    text = (K8S / "overlays" / environment / "installation" / "kustomization.yaml").read_text()
    (made,) = yaml.safe_load(text)["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in made["literals"])


@pytest.mark.parametrize("environment", NAMESPACES)
def test_everything_is_in_the_environments_namespace(environment: str) -> None:
    for one in in_environment(environment).objects:
        expected = None if one["kind"] in EVERYWHERE else NAMESPACES[environment]
        assert one["metadata"].get("namespace") == expected, one["metadata"]["name"]


@pytest.mark.parametrize("environment", NAMESPACES)
def test_a_release_needs_no_right_outside_of_its_namespace(environment: str) -> None:
    assert {one["kind"] for one in render(f"overlays/{environment}").objects} & EVERYWHERE == set()


@pytest.mark.parametrize("environment", NAMESPACES)
def test_the_namespace_enforces_the_restricted_standard(environment: str) -> None:
    (namespace,) = in_environment(environment).of("Namespace")
    assert namespace["metadata"]["name"] == NAMESPACES[environment]
    assert namespace["metadata"]["labels"]["s4/environment"] == environment
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("environment", NAMESPACES)
def test_no_two_objects_have_one_name(environment: str) -> None:
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in in_environment(environment).objects]
    assert len(names) == len(set(names))


def test_no_value_of_an_installation_is_the_others() -> None:
    staging, production = (set(installation(environment).values()) for environment in CLOUD)
    assert staging & production == {"eu-central-1"}
    assert (
        installation("staging")["volume-key"].rpartition("/")[2]
        != installation("production")["volume-key"].rpartition("/")[2]
    )


@pytest.mark.parametrize(("environment", "other"), [CLOUD, CLOUD[::-1]])
def test_nothing_names_the_other_environment(environment: str, other: str) -> None:
    # The policy of images is one for both, and names the namespaces that it is for.
    text = json.dumps(
        [one for one in in_environment(environment).objects if one["kind"] != "ValidatingAdmissionPolicy"]
    )
    account = re.findall(r"arn:aws:iam::(\d+):", installation(other)["provisioner-role"])
    for word in (other, *account, NAMESPACES[other] if other == "staging" else "s4/production"):
        assert word not in text


@pytest.mark.parametrize("environment", CLOUD)
def test_no_placeholder_is_left(environment: str) -> None:
    values = {str(value) for one in in_environment(environment).objects for value in _leaves(one)}
    whole = {
        "SITE",
        "HOOKS",
        "MAILBOX",
        "SUPPORT",
        "ROLE",
        "REGION",
        "KEY",
        "ZONE",
        "PLACE",
        "NETWORK",
        "ACME-MAIL",
        "REVISION",
    }
    parts = ("ENVIRONMENT", "-REVISION")
    assert [value for value in values if value in whole or any(part in value for part in parts)] == []


def _leaves(one: object) -> list[object]:
    if isinstance(one, dict):
        return [leaf for value in one.values() for leaf in _leaves(value)]
    if isinstance(one, list):
        return [leaf for value in one for leaf in _leaves(value)]
    return [one]


@pytest.mark.parametrize("environment", NAMESPACES)
def test_each_service_has_a_migration_of_this_revision_that_runs_before_it(environment: str) -> None:
    given = in_environment(environment)
    revision = given.named("ConfigMap", "release")["data"]["revision"]
    for service in SERVICES:
        job = given.named("Job", f"migrate-{service}-{revision}")
        serving = given.named("Deployment", service)["spec"]["template"]["spec"]["containers"][0]
        before = job["spec"]["template"]["spec"]["containers"][0]
        assert (before["image"], before["envFrom"]) == (serving["image"], serving["envFrom"])
        assert (before["args"], serving["args"]) == (["migrate"], ["serve"])
        assert {"name": "S4_REVISION", "value": revision} in serving["env"]
    assert {one["metadata"]["annotations"]["s4/phase"] for one in given.of("Job")} == {"before"}
    assert max(len(one["metadata"]["name"]) for one in given.of("Job")) + 40 - len(revision) <= 63


@pytest.mark.parametrize("environment", CLOUD)
def test_volumes_are_encrypted_with_the_installations_key_and_outlive_their_pods(environment: str) -> None:
    (kept,) = in_environment(environment).of("StorageClass")
    assert kept["parameters"]["encrypted"] == "true"
    assert kept["parameters"]["kmsKeyId"] == installation(environment)["volume-key"]
    assert (kept["reclaimPolicy"], kept["volumeBindingMode"]) == ("Retain", "WaitForFirstConsumer")
    assert kept["allowVolumeExpansion"] is True
    assert kept["parameters"]["tagSpecification_1"] == "s4-snapshots=daily"


@pytest.mark.parametrize("environment", CLOUD)
def test_accounts_have_the_roles_of_the_installation_and_others_none(environment: str) -> None:
    told = installation(environment)
    roles = {
        one["metadata"]["name"]: one["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        for one in in_environment(environment).of("ServiceAccount")
        if "annotations" in one["metadata"]
    }
    assert roles == {
        "s4-provisioner": told["provisioner-role"],
        "s4-secrets": told["secrets-role"],
        "s4-backup": told["backup-role"],
    }
    # Of the environment's own account: it is the bucket that is in the other one (ops/aws/roles.yaml).
    assert {role.split(":")[4] for role in roles.values()} == {told["volume-key"].split(":")[4]}
    assert told["backup-role"].endswith(f":role/s4-{environment}-backup-writer")


@pytest.mark.parametrize("environment", CLOUD)
def test_names_in_the_world_are_in_the_installations_own_zone(environment: str) -> None:
    told = installation(environment)
    hosts = [one["spec"]["rules"][0]["host"] for one in in_environment(environment).of("Ingress")]
    assert sorted(hosts) == sorted(told[name] for name in ("site", "hooks", "mailbox", "support"))
    assert all(host == told["zone"] or host.endswith(f".{told['zone']}") for host in hosts)


@pytest.mark.parametrize("environment", CLOUD)
def test_the_quota_has_room_for_every_service_at_its_highest(environment: str) -> None:
    given = in_environment(environment)
    highest = {
        one["spec"]["scaleTargetRef"]["name"]: _most(one) for one in given.of("HorizontalPodAutoscaler", "ScaledObject")
    }
    most = 0.0
    for one in given.of("Deployment", "StatefulSet"):
        replicas = highest.get(one["metadata"]["name"], one["spec"].get("replicas", 1)) + 1
        most += replicas * sum(_cores(each) for each in one["spec"]["template"]["spec"]["containers"])
    (quota,) = given.of("ResourceQuota")
    assert most <= float(quota["spec"]["hard"]["requests.cpu"])


def test_the_database_has_connections_for_every_replica_at_its_highest() -> None:
    given = in_environment("staging")
    replicas = sum(_most(one) for one in given.of("HorizontalPodAutoscaler", "ScaledObject"))
    (cluster,) = given.of("Cluster")
    assert replicas * 16 < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


def _most(one: Object) -> int:
    return int(one["spec"].get("maxReplicas") or one["spec"]["maxReplicaCount"])


def _cores(container: Object) -> float:
    text = container["resources"]["requests"]["cpu"]
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


@pytest.mark.parametrize("environment", CLOUD)
def test_what_has_volumes_goes_to_the_nodes_that_are_kept_for_it(environment: str) -> None:
    spec = yaml.safe_load((K8S.parent / "ops" / "clusters" / f"{environment}.yaml").read_text())
    taints = {taint for group in spec["groups"] for taint in group.get("taints", ())}
    given = in_environment(environment)
    kept = [given.named("StatefulSet", "rabbitmq")["spec"]["template"]["spec"]]
    kept += [one["spec"]["affinity"] for one in given.of("Cluster")]
    kept += [
        render(f"overlays/{environment}/observability").named("StatefulSet", "prometheus")["spec"]["template"]["spec"]
    ]
    for each in kept:
        assert {f"{one['key']}={one['value']}:{one['effect']}" for one in each["tolerations"]} >= taints

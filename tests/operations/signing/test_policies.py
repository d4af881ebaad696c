"""What a cluster lets in: the policies in the repository, judged by their own words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from s4_devcloud.kubernetes import schema
from s4_devcloud.kubernetes.kinds import KINDS
from s4_devcloud.kubernetes.policies import Policy
from s4_ops.deploy.kubectl import Kubectl

ROOT = Path(__file__).parents[3]
DIGEST = "@sha256:" + "a" * 64
OURS = f"registry.s4.example/s4-web{DIGEST}"
GRIDS = "s4-eu-01234567-89ab-4cde-8f01-23456789abcd"


def rendered(folder: str) -> list[dict[str, Any]]:
    return [*yaml.safe_load_all(Kubectl("any").kustomize(ROOT / "k8s" / folder))]


@pytest.fixture(scope="module")
def policy() -> Policy:
    found = {one["kind"]: one for one in rendered("policies")}
    return Policy(found["ValidatingAdmissionPolicy"], found["ConfigMap"])


def within(image: str, kind: str, **more: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "service", "image": image}], **more}
    template = {"template": {"spec": pod}}
    spec = {"Pod": pod, "CronJob": {"jobTemplate": {"spec": template}}}.get(kind, template)
    return {"kind": kind, "metadata": {"name": "one"}, "spec": spec}


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
@pytest.mark.parametrize(
    ("image", "refusals"),
    [
        (OURS, []),
        ("registry.s4.example/s4-web:latest", ["an image is not named by its digest"]),
        (f"elsewhere.example/s4-web{DIGEST}", ["an image is not from our registry"]),
        (f"registry.s4.example.evil.example/s4-web{DIGEST}", ["an image is not from our registry"]),
    ],
)
def test_images_are_ours_and_named_by_digest(policy: Policy, kind: str, image: str, refusals: list[str]) -> None:
    assert policy.refusals({"namespace": "s4"}, within(image, kind)) == refusals


@pytest.mark.parametrize("which", ["initContainers", "ephemeralContainers"])
def test_no_container_of_a_pod_is_overlooked(policy: Policy, which: str) -> None:
    other = {which: [{"name": "other", "image": "busybox"}]}

    assert len(policy.refusals({"namespace": "s4"}, within(OURS, "Pod", **other)) or []) == 2


@pytest.mark.parametrize(("namespace", "is_judged"), [("s4-staging", True), (GRIDS, True), ("kube-system", False)])
def test_grids_are_judged_as_services_are_and_nobody_else_is(policy: Policy, namespace: str, is_judged: bool) -> None:  # noqa: FBT001  pytest gives it by name
    found = policy.refusals({"namespace": namespace}, within("busybox", "Pod"))

    assert (found is not None) == is_judged


def test_the_policy_denies_where_it_fails_and_where_the_registry_is_not_known() -> None:
    found = {one["kind"]: one for one in rendered("policies")}

    assert found["ValidatingAdmissionPolicy"]["spec"]["failurePolicy"] == "Fail"
    bound = found["ValidatingAdmissionPolicyBinding"]["spec"]
    assert bound["validationActions"] == ["Deny"]
    assert bound["paramRef"]["parameterNotFoundAction"] == "Deny"
    assert found["ConfigMap"]["data"]["registry"].endswith("/")


def test_signatures_are_asked_for_wherever_pods_of_ours_run() -> None:
    (policy,) = yaml.safe_load_all((ROOT / "k8s/policies/signatures.yaml").read_text())
    (rule,) = policy["spec"]["rules"]

    assert (policy["spec"]["validationFailureAction"], policy["spec"]["failurePolicy"]) == ("Enforce", "Fail")
    assert rule["match"]["any"][0]["resources"]["namespaces"] == ["s4", "s4-staging", "s4-observability", "s4-logs"]
    assert rule["verifyImages"][0]["required"] is True
    assert rule["verifyImages"][0]["imageReferences"] == ["*"]


def test_the_registry_is_confined_encrypted_and_starts_from_chosen_images_only() -> None:
    found = {(one["kind"], one["metadata"]["name"]): one for one in rendered("registry")}
    registry = found["StatefulSet", "registry"]["spec"]
    pod, (claim,) = registry["template"]["spec"], registry["volumeClaimTemplates"]

    assert found["Namespace", "s4-registry"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert claim["spec"]["storageClassName"] == "s4-encrypted"
    assert all("@sha256:" in each["image"] for each in [*pod["containers"], *pod["initContainers"]])
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in pod["containers"])
    assert found["Role", "tidying"]["rules"] == [
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "resourceNames": ["registry"], "verbs": ["get", "patch"]}
    ]
    settings = yaml.safe_load(found["ConfigMap", "registry"]["data"]["config.yml"])
    assert settings["http"]["tls"]["minimumtls"] == "tls1.2"
    assert settings["storage"]["delete"] == {"enabled": True}
    assert not any(one["kind"] == "Secret" for one in found.values())


def test_every_manifest_is_one_that_the_api_server_takes() -> None:
    kinds = {(kind.api_version, kind.name): kind for kind in KINDS}
    foreign = {"Certificate", "ExternalSecret", "SecretStore", "ServersTransport"}
    for one in [*rendered("registry"), *rendered("policies")]:
        if one["kind"] not in foreign:
            schema.check(kinds[one["apiVersion"], one["kind"]], one)

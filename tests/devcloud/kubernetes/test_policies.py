"""A policy of admission is judged when something is written, by whoever it is written, and when it is deleted."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.cluster import PATHS, Cluster
from support.cluster_objects import secret, stateful_set
from support.waiting import until

ADMISSION = "admissionregistration.k8s.io/v1"
Spec = dict[str, Any]


def policy(namespace: str, **more: Any) -> Spec:
    """Secrets of the namespace have a label, and none that is kept is deleted."""
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]}]
    return {
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [{"name": "here", "expression": f'request.namespace == "{namespace}"'}],
            "variables": [
                {"name": "meta", "expression": 'request.operation == "DELETE" ? oldObject.metadata : object.metadata'}
            ],
            "validations": [
                {"expression": "has(variables.meta.labels)", "message": "no label"},
                {
                    "expression": 'request.operation != "DELETE" || !("kept" in variables.meta.labels)',
                    "message": "it is kept",
                },
            ],
            **more,
        },
    }


def binding(name: str, **more: Any) -> Spec:
    spec = {"policyName": name, "validationActions": ["Deny"], **more}
    kind = "ValidatingAdmissionPolicyBinding"
    return {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def labelled(namespace: str, name: str, **labels: str) -> Spec:
    made: Spec = secret(namespace, name, key="value")
    made["metadata"]["labels"] = labels
    return made


@pytest.fixture
def judged(cluster: Cluster, namespace: str) -> Iterator[str]:
    """A namespace with the policy."""
    assert cluster.apply(policy(namespace))[0] == 201
    assert cluster.apply(binding(namespace))[0] == 201
    yield namespace
    cluster.delete("ValidatingAdmissionPolicyBinding", namespace)
    cluster.delete("ValidatingAdmissionPolicy", namespace)


def test_what_does_not_hold_is_refused_in_the_policys_own_words(cluster: Cluster, judged: str) -> None:
    status, refused = cluster.apply(secret(judged, "one", key="value"))
    said = f"ValidatingAdmissionPolicy '{judged}' with binding '{judged}' denied request: no label"

    assert (status, refused["reason"]) == (422, "Invalid")
    assert refused["message"] == f'secrets "one" is forbidden: {said}'
    assert cluster.get("Secret", "one", judged) is None


def test_what_holds_is_let_in_and_so_is_what_the_policy_is_not_about(cluster: Cluster, judged: str) -> None:
    assert cluster.apply(labelled(judged, "one", a="b"))[0] == 201
    elsewhere = f"{judged}-other"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    assert cluster.apply(secret(elsewhere, "one", key="value"))[0] == 201
    cluster.delete("Namespace", elsewhere)


def test_a_change_and_a_deletion_are_judged_as_well(cluster: Cluster, judged: str) -> None:
    assert cluster.apply(labelled(judged, "one", kept="yes"))[0] == 201
    path = f"{PATHS['Secret'].format(judged)}/one"
    bare = {"metadata": {"labels": None}}

    assert cluster.ask("DELETE", path)[0] == 422
    assert cluster.ask("PATCH", path, bare, "application/merge-patch+json")[0] == 422
    assert cluster.get("Secret", "one", judged) is not None


async def test_pods_that_a_controller_makes_are_judged(cluster: Cluster, namespace: str) -> None:
    pods = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    refusing = [{"expression": "false", "message": "no pods here"}]
    assert cluster.apply(policy(namespace, matchConstraints={"resourceRules": pods}, validations=refusing))[0] == 201
    assert cluster.apply(binding(namespace))[0] == 201
    assert cluster.apply(stateful_set(namespace))[0] == 201
    events = PATHS["Event"].format(namespace)

    def told() -> bool:
        return any("no pods here" in each["message"] for each in cluster.ask("GET", events)[1]["items"])

    await until(told, within=20, what="the controller is refused")
    cluster.delete("ValidatingAdmissionPolicyBinding", namespace)
    cluster.delete("ValidatingAdmissionPolicy", namespace)


def test_without_its_parameters_a_policy_denies_everything(cluster: Cluster, judged: str) -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert cluster.apply(policy(judged, paramKind=kind), force=True)[0] == 200
    reference = {"name": "missing", "namespace": judged, "parameterNotFoundAction": "Deny"}
    assert cluster.apply(binding(judged, paramRef=reference), force=True)[0] == 200

    status, refused = cluster.apply(labelled(judged, "one", a="b"))

    assert status == 422
    assert "no params found" in refused["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"auditAnnotations": [{"key": "a", "valueExpression": "'b'"}]},
        {"validations": [{"expression": "object.", "message": "no CEL"}]},
    ],
    ids=["what the double cannot judge", "no CEL"],
)
def test_a_policy_that_would_judge_nothing_is_refused_when_it_is_written(
    cluster: Cluster, namespace: str, wrong: Spec
) -> None:
    assert cluster.apply(policy(namespace, **wrong))[0] == 422


def test_an_expression_that_cannot_be_evaluated_denies(cluster: Cluster, judged: str) -> None:
    broken = [{"expression": "object.metadata.labels.none.at.all == 1", "message": "never"}]
    assert cluster.apply(policy(judged, validations=broken), force=True)[0] == 200

    status, refused = cluster.apply(labelled(judged, "one", a="b"))

    assert status == 422
    assert "cannot be evaluated" in refused["message"]


def test_objects_of_operators_are_kept_as_they_are(cluster: Cluster, namespace: str) -> None:
    spec = {"secretStoreRef": {"name": "s4", "kind": "SecretStore"}, "data": [{"secretKey": "a"}]}
    one = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": spec,
    }
    path = f"apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"

    assert cluster.ask("POST", path, one)[0] == 201
    assert cluster.ask("GET", f"{path}/web")[1]["spec"] == spec

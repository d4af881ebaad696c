"""What a service account may do: what roles that are bound to it say, where they say it."""

from typing import Any

import pytest

from support.cluster import PATHS, Cluster
from support.cluster_objects import secret

RBAC = "rbac.authorization.k8s.io/v1"


def role(kind: str, name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": RBAC, "kind": kind, "metadata": meta, "rules": list(rules)}


def binding(kind: str, of: str, account: str, *, home: str, namespace: str = "") -> dict[str, Any]:
    meta = {"name": of} | ({"namespace": namespace} if namespace else {})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": of}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
    name = "RoleBinding" if namespace else "ClusterRoleBinding"
    return {"apiVersion": RBAC, "kind": name, "metadata": meta, "roleRef": reference, "subjects": [subject]}


def rule(resources: list[str], verbs: list[str], **more: Any) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": resources, "verbs": verbs} | more


@pytest.fixture
def token(cluster: Cluster, namespace: str) -> str:
    return cluster.account("worker", namespace)


def test_without_a_role_nothing_is_allowed(cluster: Cluster, namespace: str, token: str) -> None:
    status, refused = cluster.apply(secret(namespace, "one", key="value"), token=token)

    assert (status, refused["reason"]) == (403, "Forbidden")
    assert f'User "system:serviceaccount:{namespace}:worker" cannot patch' in refused["message"]


def test_a_role_allows_what_it_names_in_its_namespace(cluster: Cluster, namespace: str, token: str) -> None:
    cluster.apply(role("Role", "writer", rule(["secrets"], ["create", "patch"]), namespace=namespace))
    cluster.apply(binding("Role", "writer", "worker", home=namespace, namespace=namespace))

    assert cluster.apply(secret(namespace, "one", key="value"), token=token)[0] == 201
    assert cluster.ask("GET", f"{PATHS['Secret'].format(namespace)}/one", token=token)[0] == 403
    assert cluster.apply(secret("default", "one", key="value"), token=token)[0] == 403


def test_who_may_patch_alone_makes_nothing_by_applying(cluster: Cluster, namespace: str, token: str) -> None:
    cluster.apply(role("Role", "patcher", rule(["secrets"], ["patch"]), namespace=namespace))
    cluster.apply(binding("Role", "patcher", "worker", home=namespace, namespace=namespace))
    cluster.apply(secret(namespace, "there", key="value"))

    applied = [cluster.apply(secret(namespace, name, key="v"), force=True, token=token)[0] for name in ("there", "new")]

    assert applied == [200, 403]


def test_a_role_in_a_namespace_may_allow_to_look_at_the_namespace(cluster: Cluster, namespace: str, token: str) -> None:
    cluster.apply(role("Role", "looker", rule(["namespaces"], ["get"]), namespace=namespace))
    cluster.apply(binding("Role", "looker", "worker", home=namespace, namespace=namespace))

    assert cluster.ask("GET", f"api/v1/namespaces/{namespace}", token=token)[0] == 200
    assert cluster.ask("GET", "api/v1/namespaces", token=token)[0] == 403


def test_a_cluster_role_holds_everywhere_and_may_name_objects(cluster: Cluster, namespace: str, token: str) -> None:
    named = rule(["secrets"], ["get"], resourceNames=["mine"])
    cluster.apply(role("ClusterRole", namespace, rule(["namespaces"], ["list"]), named))
    cluster.apply(binding("ClusterRole", namespace, "worker", home=namespace))
    cluster.apply(secret(namespace, "mine", key="value"))
    cluster.apply(secret(namespace, "yours", key="value"))

    assert cluster.ask("GET", "api/v1/namespaces", token=token)[0] == 200
    path = PATHS["Secret"].format(namespace)
    assert [cluster.ask("GET", f"{path}/{name}", token=token)[0] for name in ("mine", "yours")] == [200, 403]


def test_nobody_gives_a_role_that_they_may_not_bind(cluster: Cluster, namespace: str, token: str) -> None:
    binds = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["create", "patch"]}
    may = {**binds, "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": [f"{namespace}-small"]}
    for size in ("small", "large"):
        cluster.apply(role("ClusterRole", f"{namespace}-{size}", rule(["secrets"], ["patch"])))
    cluster.apply(role("ClusterRole", namespace, binds, may))
    cluster.apply(binding("ClusterRole", namespace, "worker", home=namespace))

    wanted = [
        binding("ClusterRole", f"{namespace}-{size}", "worker", home=namespace, namespace=namespace)
        for size in ("small", "large")
    ]

    assert [cluster.apply(each, token=token)[0] for each in wanted] == [201, 403]


def test_a_token_that_is_forgotten_lets_nobody_in(cluster: Cluster, namespace: str, token: str) -> None:
    cluster.control("DELETE", "/tokens")

    assert cluster.ask("GET", f"api/v1/namespaces/{namespace}", token=token)[0] == 401
    assert cluster.get("Namespace", namespace) is not None

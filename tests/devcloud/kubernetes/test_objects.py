"""Objects over the wire: applied, owned field by field, patched, listed, deleted, and refused as a real server does."""

import json
from typing import Any

import pytest

from support.cluster import APPLY, MERGE, PATHS, Cluster
from support.cluster_objects import secret, service, stateful_set


def labelled(namespace: str, name: str = "one", **labels: str) -> dict[str, Any]:
    made = secret(namespace, name, key="value")
    return made | {"metadata": {**made["metadata"], "labels": labels}}


def labels_of(cluster: Cluster, namespace: str, name: str = "one") -> dict[str, str]:
    found = cluster.get("Secret", name, namespace)
    assert found is not None
    return dict(found["metadata"].get("labels", {}))


def test_what_is_applied_twice_is_there_once_and_unchanged(cluster: Cluster, namespace: str) -> None:
    status, first = cluster.apply(labelled(namespace, a="1"))
    again, second = cluster.apply(labelled(namespace, a="1"))

    assert (status, again) == (201, 200)
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_what_its_manager_applies_no_more_is_gone(cluster: Cluster, namespace: str) -> None:
    cluster.apply(labelled(namespace, a="1", b="2"))
    cluster.apply(labelled(namespace, a="1"))

    assert labels_of(cluster, namespace) == {"a": "1"}


def test_what_another_manager_owns_stays(cluster: Cluster, namespace: str) -> None:
    cluster.apply(labelled(namespace, a="1", b="2"))
    cluster.apply(labelled(namespace, c="3"), manager="others")
    cluster.apply(labelled(namespace, a="1"))

    assert labels_of(cluster, namespace) == {"a": "1", "c": "3"}


def test_two_managers_that_want_otherwise_are_in_conflict_unless_one_forces(cluster: Cluster, namespace: str) -> None:
    cluster.apply(labelled(namespace, a="1"))

    status, refused = cluster.apply(labelled(namespace, a="2"), manager="others")
    forced, _ = cluster.apply(labelled(namespace, a="2"), manager="others", force=True)

    assert (status, refused["reason"], forced) == (409, "Conflict", 200)
    assert refused["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    assert labels_of(cluster, namespace) == {"a": "2"}


def test_items_of_a_list_are_known_by_their_key(cluster: Cluster, namespace: str) -> None:
    wanted = stateful_set(namespace, replicas=0)
    cluster.apply(wanted)
    environment = wanted["spec"]["template"]["spec"]["containers"][0]["env"]
    environment.append({"name": "MORE", "value": "1"})
    cluster.apply(wanted)
    environment.pop()
    _, changed = cluster.apply(wanted)

    kept = changed["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [each["name"] for each in kept] == ["POD_IP"]
    assert changed["metadata"]["generation"] == 3


def test_a_merge_patch_changes_what_it_names_and_takes_what_is_null(cluster: Cluster, namespace: str) -> None:
    cluster.apply(labelled(namespace, a="1", b="2"))
    path = f"{PATHS['Secret'].format(namespace)}/one"

    status, _ = cluster.ask("PATCH", path, {"metadata": {"labels": {"a": None, "c": "3"}}}, MERGE)

    assert status == 200
    assert labels_of(cluster, namespace) == {"b": "2", "c": "3"}
    assert cluster.ask("PATCH", path.replace("one", "none"), {}, MERGE)[0] == 404
    assert cluster.ask("PATCH", path, {}, "application/json-patch+json")[0] == 415


def test_an_object_is_created_once_and_replaced_only_by_who_saw_it_last(cluster: Cluster, namespace: str) -> None:
    path = PATHS["Secret"].format(namespace)
    created, made = cluster.ask("POST", path, labelled(namespace, a="1"))
    again, refused = cluster.ask("POST", path, labelled(namespace, a="1"))
    replaced, _ = cluster.ask("PUT", f"{path}/one", made | {"data": {}})
    stale, late = cluster.ask("PUT", f"{path}/one", made)

    assert (created, again, refused["reason"]) == (201, 409, "AlreadyExists")
    assert (replaced, stale, late["reason"]) == (200, 409, "Conflict")


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("a=1", ["one", "two"]),
        ("a==1,b", ["two"]),
        ("a!=1", ["three"]),
        ("a in (1,2)", ["one", "three", "two"]),
        ("a notin (1)", ["three"]),
        ("!b", ["one", "three"]),
    ],
)
def test_lists_are_by_labels(cluster: Cluster, namespace: str, selector: str, names: list[str]) -> None:
    cluster.apply(labelled(namespace, "one", a="1"))
    cluster.apply(labelled(namespace, "two", a="1", b="2"))
    cluster.apply(labelled(namespace, "three", a="2"))

    found = cluster.list("Secret", namespace, f"labelSelector={selector.replace(' ', '%20').replace('=', '%3D')}")

    assert [one["metadata"]["name"] for one in found] == names


def test_lists_are_by_fields_in_pages_and_of_all_namespaces(cluster: Cluster, namespace: str) -> None:
    for name in ("a", "b", "c"):
        cluster.apply(labelled(namespace, name, run=namespace))
    path = PATHS["Secret"].format(namespace)

    _, first = cluster.ask("GET", f"{path}?limit=2")
    _, rest = cluster.ask("GET", f"{path}?limit=2&continue={first['metadata']['continue']}")
    _, everywhere = cluster.ask("GET", f"api/v1/secrets?labelSelector=run%3D{namespace}")

    assert [one["metadata"]["name"] for one in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert "continue" not in rest["metadata"]
    assert len(everywhere["items"]) == 3
    assert len(cluster.list("Secret", namespace, "fieldSelector=metadata.name%3Db")) == 1


def test_what_is_deleted_is_gone_and_only_the_one_that_was_meant(cluster: Cluster, namespace: str) -> None:
    cluster.apply(labelled(namespace))

    assert cluster.delete("Secret", "one", namespace, {"preconditions": {"uid": "another"}})[0] == 409
    assert cluster.delete("Secret", "one", namespace)[0] == 200
    status, refused = cluster.delete("Secret", "one", namespace)
    assert (status, refused["reason"], refused["details"]["kind"]) == (404, "NotFound", "secrets")


BAD: list[tuple[str, dict[str, Any], int]] = [
    ("a field that does not exist", {"spec": {"nonsense": 1}}, 400),
    ("a value of another type", {"spec": {"replicas": "many"}}, 422),
    ("a name in capitals", {"metadata": {"name": "Grid"}}, 422),
    ("another namespace", {"metadata": {"namespace": "default"}}, 400),
    ("a selector that fits nothing", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}, 422),
    ("a label that is too long", {"metadata": {"labels": {"a": "x" * 64}}}, 422),
]


@pytest.mark.parametrize(("what", "change", "expected"), BAD, ids=[what for what, _, _ in BAD])
def test_what_cannot_be_is_refused(
    cluster: Cluster, namespace: str, what: str, change: dict[str, Any], expected: int
) -> None:
    wanted = stateful_set(namespace)
    for part, fields in change.items():
        wanted[part] = {**wanted[part], **fields}
    path = f"{PATHS['StatefulSet'].format(namespace)}/{wanted['metadata']['name']}?fieldManager=tests"

    status, refused = cluster.ask("PATCH", path, wanted, APPLY)

    assert (status, refused["kind"]) == (expected, "Status")


def test_a_set_may_not_change_whom_it_selects(cluster: Cluster, namespace: str) -> None:
    wanted = stateful_set(namespace, replicas=0)
    cluster.apply(wanted)
    wanted["spec"]["serviceName"] = "another"

    status, refused = cluster.apply(wanted)

    assert status == 422
    assert "updates to statefulset spec" in refused["message"]


def test_secrets_are_base64_and_stay_of_their_type(cluster: Cluster, namespace: str) -> None:
    wanted = secret(namespace, "one", key="value")
    cluster.apply(wanted)

    assert cluster.apply(wanted | {"data": {"key": "no base64!"}})[0] == 400
    assert cluster.apply(wanted | {"type": "kubernetes.io/tls"}, force=True)[0] == 422


def test_node_ports_are_in_the_clusters_range(cluster: Cluster, namespace: str) -> None:
    ports = [{"name": "introducer", "port": 31001, "nodePort": 80}]
    status, refused = cluster.apply(service(namespace, type="NodePort", ports=ports))

    assert status == 422
    assert "not in the valid range" in refused["message"]


def test_nothing_is_made_in_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    status, refused = cluster.apply(secret("nowhere", "one", key="value"))

    assert (status, refused["details"]) == (404, {"name": "nowhere", "kind": "namespaces"})


def test_a_quota_is_a_limit(cluster: Cluster, namespace: str) -> None:
    hard = {"count/statefulsets.apps": "1", "services.loadbalancers": "0"}
    meta = {"name": "grids", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}})
    cluster.apply(stateful_set(namespace, replicas=0))
    another = stateful_set(namespace, replicas=0)
    another["metadata"]["name"] = "another"

    status, refused = cluster.apply(another)

    assert (status, refused["reason"]) == (403, "Forbidden")
    assert "exceeded quota: grids" in refused["message"]
    assert cluster.apply(service(namespace))[0] == 403
    assert cluster.apply(stateful_set(namespace, replicas=0))[0] == 200  # what is there already may stay


def test_the_server_says_what_it_is_and_what_it_has(cluster: Cluster) -> None:
    _, version = cluster.ask("GET", "version")
    _, resources = cluster.ask("GET", "apis/apps/v1")

    assert version["gitVersion"] == cluster.ready["version"] == "v1.36.0"
    assert ("statefulsets", ["sts"]) in [(each["name"], each["shortNames"]) for each in resources["resources"]]
    assert cluster.ask("POST", "api/v1/namespaces", {}, "application/vnd.kubernetes.protobuf")[0] == 415
    assert cluster.ask("GET", "apis/nobody.knows/v1/things")[0] == 404
    assert cluster.ask("POST", "api/v1/secrets", {})[0] == 405


def test_it_goes_wrong_as_often_as_it_was_told(cluster: Cluster, namespace: str) -> None:
    cluster.fault(kind="error", verb="patch", resource="secrets", code=429, retry_after=7)
    status, refused = cluster.apply(secret(namespace, "one", key="value"))

    assert (status, refused["reason"], refused["details"]["retryAfterSeconds"]) == (429, "TooManyRequests", 7)
    assert cluster.apply(secret(namespace, "one", key="value"))[0] == 201


def test_a_cut_request_was_carried_out(cluster: Cluster, namespace: str) -> None:
    cluster.fault(kind="cut", verb="patch", resource="secrets")

    with pytest.raises(OSError, match=r"closed|reset|EOF"):
        cluster.apply(secret(namespace, "one", key="value"))

    assert cluster.get("Secret", "one", namespace) is not None


def test_calls_are_counted_and_nonsense_is_no_fault(cluster: Cluster, namespace: str) -> None:
    cluster.control("DELETE", "/calls")
    cluster.apply(secret(namespace, "one", key="value"))

    assert cluster.control("GET", "/calls")[1]["calls"] == {"patch secrets": 1}
    assert cluster.control("POST", "/faults", {"kind": "nonsense"})[0] == 422
    assert cluster.control("POST", "/faults", {"kind": "error", "nonsense": 1})[0] == 422


def test_who_is_nobody_is_told_so(cluster: Cluster) -> None:
    status, refused = cluster.ask("GET", "api/v1/namespaces", token="nobody")

    assert (status, refused["reason"]) == (401, "Unauthorized")
    assert json.dumps(refused).count("nobody") == 0

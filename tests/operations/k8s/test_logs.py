"""What brings logs away: more than others may, so everything else about it is as narrow as can be."""

import json

import pytest
import yaml

from support.manifests import Manifests, Object, confined, connected, edges, in_environment, pinned, render, schemas

CLOUD = {"staging": "s4logs-staging-111111111111", "production": "s4logs-production-222222222222"}


def logs(environment: str) -> Manifests:
    return render(f"overlays/{environment}/logs")


@pytest.mark.parametrize("environment", CLOUD)
def test_every_object_obeys_but_that_it_reads_files_of_its_node_as_root(environment: str) -> None:
    given = logs(environment)
    assert list(schemas.mistakes(given)) == []
    narrow = (confined.calls_are_filtered, confined.no_root_is_writable, confined.everything_is_measured)
    rules = (*narrow, confined.tokens_are_for_those_who_need_them, pinned.images_are_digests, *connected.RULES)
    assert [problem for rule in rules for problem in rule(given)] == []
    assert list(confined.nothing_is_privileged(given)) == ["DaemonSet logs mounts a folder of its node"] * 2
    assert list(connected.what_is_mounted_is_there(given, {})) == []


@pytest.mark.parametrize("environment", CLOUD)
def test_it_writes_to_nothing_of_the_node_but_where_it_stands(environment: str) -> None:
    spec = logs(environment).named("DaemonSet", "logs")["spec"]["template"]["spec"]
    folders = {each["name"]: each["hostPath"]["path"] for each in spec["volumes"] if "hostPath" in each}
    assert folders == {"pods": "/var/log/pods", "place": "/var/lib/s4-vector"}
    (container,) = spec["containers"]
    writable = {each["name"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"place"}


@pytest.mark.parametrize("environment", CLOUD)
def test_nobody_comes_in_and_it_may_only_look_at_pods(environment: str) -> None:
    given = logs(environment)
    found = edges.network(given)
    assert (found.inside, found.inward) == (set(), set())
    assert found.outward == {("logs", "443"), ("logs", "6443")}
    (role,) = given.of("ClusterRole")
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["pods", "namespaces", "nodes"], ["list", "watch"])
    ]


@pytest.mark.parametrize("environment", CLOUD)
def test_lines_go_to_the_environments_own_bucket_below_what_its_role_may_write(environment: str) -> None:
    told = settings(logs(environment))
    assert {sink["bucket"] for sink in told["sinks"].values()} == {CLOUD[environment]}
    assert {sink["region"] for sink in told["sinks"].values()} == {"eu-central-1"}
    assert {name: sink["key_prefix"].split("/")[0] for name, sink in told["sinks"].items()} == {
        "lines": "lines",
        "errors": "errors",
    }
    known = {*told["sources"], *told["transforms"]}
    assert {
        name for part in (*told["transforms"].values(), *told["sinks"].values()) for name in part["inputs"]
    } <= known
    account = logs(environment).named("ServiceAccount", "s4-logs")["metadata"]["annotations"]
    assert account["eks.amazonaws.com/role-arn"].endswith(f":role/s4-{environment}-log-writer")


def settings(given: Manifests) -> Object:
    (found,) = (one for one in given.of("ConfigMap") if "vector.yaml" in one.get("data", {}))
    read: Object = yaml.safe_load(found["data"]["vector.yaml"])
    return read


@pytest.mark.parametrize(("environment", "other"), [("staging", "production"), ("production", "staging")])
def test_nothing_names_the_other_environment(environment: str, other: str) -> None:
    assert other not in json.dumps(logs(environment).objects)


@pytest.mark.parametrize("environment", CLOUD)
def test_only_images_of_ours_may_run_there(environment: str) -> None:
    policy = in_environment(environment).named("ValidatingAdmissionPolicy", "s4-images")
    assert '"s4-logs"' in policy["spec"]["matchConditions"][0]["expression"]

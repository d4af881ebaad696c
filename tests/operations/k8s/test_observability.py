"""What watches an environment: confined as what it watches, and asking where there is somebody."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from s4_devcloud.kubernetes.pod_security import violations
from s4_ops.deploy.funnel import OBSERVERS
from support.manifests import (
    Manifests,
    Object,
    available,
    confined,
    connected,
    edges,
    in_environment,
    pinned,
    render,
    schemas,
)

CLOUD = {"staging": "s4-staging", "production": "s4"}
PROGRAMS = {"prometheus", "alertmanager", "grafana", "kube-state-metrics"}
Rule = Callable[[Manifests], Iterator[str]]
RULES: tuple[Rule, ...] = (
    *confined.RULES,
    *connected.RULES,
    available.budgets_hold_evictions_back,
    pinned.images_are_digests,
    schemas.mistakes,
    lambda given: connected.what_is_mounted_is_there(given, {}),
)


def observers(environment: str) -> Manifests:
    return render(f"overlays/{environment}/observability")


def changed(kind: str, name: str, change: Callable[[Object], object]) -> Manifests:
    objects = copy.deepcopy(observers("production").objects)
    change(Manifests(objects).named(kind, name))
    return Manifests(objects)


@pytest.mark.parametrize("environment", CLOUD)
@pytest.mark.parametrize("rule", RULES)
def test_every_object_obeys(rule: Rule, environment: str) -> None:
    assert list(rule(observers(environment))) == []


@pytest.mark.parametrize("environment", CLOUD)
def test_every_pod_meets_the_restricted_standard_which_the_namespace_enforces(environment: str) -> None:
    given = observers(environment)
    (namespace,) = given.of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert namespace["metadata"]["labels"]["s4/environment"] == environment
    assert {owner: found for owner, template in given.pods() if (found := violations(template["spec"]))} == {}


@pytest.mark.parametrize("environment", CLOUD)
def test_what_they_may_ask_of_the_cluster_is_little(environment: str) -> None:
    given = observers(environment)
    may = {
        (one["metadata"].get("namespace", "everywhere"), resource, verb)
        for one in given.of("Role", "ClusterRole")
        for rule in one["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    looks = {("pods", verb) for verb in ("get", "list", "watch")}
    looks |= {(jobs, verb) for jobs in ("cronjobs", "jobs") for verb in ("list", "watch")}
    everywhere = {("nodes", verb) for verb in ("get", "list", "watch")} | {("nodes/metrics", "get")}
    assert may == {(CLOUD[environment], *one) for one in looks} | {("everywhere", *one) for one in everywhere}
    for one in given.of("RoleBinding", "ClusterRoleBinding"):
        assert {subject["namespace"] for subject in one["subjects"]} == {"s4-observability"}


@pytest.mark.parametrize("environment", CLOUD)
def test_they_speak_with_each_other_as_they_must_and_no_more(environment: str) -> None:
    given = observers(environment)
    assert edges.is_shut(given)
    found = edges.network(given)
    assert found.inside == {
        ("prometheus", "alertmanager", 9093),
        ("prometheus", "kube-state-metrics", 8080),
        ("grafana", "prometheus", 9090),
    }
    assert found.outward == {
        ("alertmanager", "443"),
        *(("prometheus", port) for port in ("443", "6443", "10250")),
        *(("kube-state-metrics", port) for port in ("443", "6443")),
    }


@pytest.mark.parametrize("environment", CLOUD)
def test_prometheus_reaches_what_lets_it_in(environment: str) -> None:
    """Both sides of each edge between the two namespaces."""
    (rule,) = (
        rule
        for rule in observers(environment).named("NetworkPolicy", "prometheus")["spec"]["egress"]
        if "namespaceSelector" in rule.get("to", [{}])[0]
    )
    (peer,) = rule["to"]
    assert peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == CLOUD[environment]
    asked = {
        port for place, _, port in edges.network(in_environment(environment)).inward if place == "s4-observability"
    }
    assert {port["port"] for port in rule["ports"]} <= asked


@pytest.mark.parametrize("environment", CLOUD)
def test_prometheus_finds_every_service_and_the_broker_of_its_environment(environment: str) -> None:
    jobs = {job["job_name"]: job for job in settings(observers(environment))["scrape_configs"]}
    ports = {
        (template["metadata"]["labels"][edges.NAME], port["name"])
        for _, template in in_environment(environment).pods()
        for container in template["spec"]["containers"]
        for port in container.get("ports", ())
    }
    (sd,) = jobs["pods"]["kubernetes_sd_configs"]
    assert sd["namespaces"]["names"] == [CLOUD[environment]]
    assert {name for name, port in ports if port == "probes"} == {
        "web",
        "billing",
        "provisioner",
        "notifier",
        "invites",
        "support",
    }
    kept = jobs["rabbitmq"]["relabel_configs"][0]["regex"]
    assert kept in {";".join(each) for each in ports}


def settings(given: Manifests) -> Any:
    """What Prometheus is told."""
    (found,) = (one for one in given.of("ConfigMap") if "prometheus.yaml" in one.get("data", {}))
    return yaml.safe_load(found["data"]["prometheus.yaml"])


@pytest.mark.parametrize("environment", CLOUD)
def test_a_deployment_finds_prometheus_where_it_looks_for_it(environment: str) -> None:
    told = re.fullmatch(r"/api/v1/namespaces/([^/]+)/services/([^:/]+):(\d+)/proxy", OBSERVERS)
    assert told is not None
    service = observers(environment).named("Service", told[2])
    assert service["metadata"]["namespace"] == told[1]
    assert [port["port"] for port in service["spec"]["ports"]] == [int(told[3])]


@pytest.mark.parametrize("environment", CLOUD)
def test_metrics_are_kept_for_the_span_of_the_budgets_on_an_encrypted_volume(environment: str) -> None:
    spec = observers(environment).named("StatefulSet", "prometheus")["spec"]
    said = dict(arg.lstrip("-").split("=") for arg in spec["template"]["spec"]["containers"][0]["args"])
    (claim,) = spec["volumeClaimTemplates"]
    room = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
    assert said["storage.tsdb.retention.time"] == "35d"
    assert int(said["storage.tsdb.retention.size"].removesuffix("GB")) * 10**9 < 0.85 * room * 2**30
    classes = {one["metadata"]["name"] for one in in_environment(environment).of("StorageClass")}
    assert claim["spec"]["storageClassName"] in classes
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("environment", CLOUD)
def test_their_secrets_are_of_their_environment_and_in_no_file(environment: str) -> None:
    given = observers(environment)
    entries = {each["remoteRef"]["key"] for one in given.of("ExternalSecret") for each in one["spec"]["data"]}
    assert entries == {f"s4/{environment}/observability", f"s4/{environment}/registry"}
    named = {
        variable["value"]
        for _, container in given.containers()
        for variable in container.get("env", ())
        if re.search("PASSWORD|SECRET|KEY", variable["name"])
    }
    assert named == {"/run/secrets/grafana/admin-password", "/run/secrets/grafana/secret-key"}
    mounted = connected.made_secrets(given)
    (told,) = (one for one in given.of("ConfigMap") if "alertmanager.yaml" in one.get("data", {}))
    receivers = yaml.safe_load(told["data"]["alertmanager.yaml"])["receivers"]
    files = {hook["url_file"].rpartition("/")[2] for each in receivers for hook in each["webhook_configs"]}
    assert files == set(mounted["alertmanager"])


@pytest.mark.parametrize("environment", CLOUD)
def test_priorities_are_of_the_platform(environment: str) -> None:
    classes = {one["metadata"]["name"] for one in in_environment(environment).of("PriorityClass")}
    assert {template["spec"]["priorityClassName"] for _, template in observers(environment).pods()} <= classes


def test_only_images_of_ours_may_run_there() -> None:
    policy = in_environment("production").named("ValidatingAdmissionPolicy", "s4-images")
    assert '"s4-observability"' in policy["spec"]["matchConditions"][0]["expression"]


def _container(one: Object) -> Object:
    found: Object = one["spec"]["template"]["spec"]["containers"][0]
    return found


MISTAKES: dict[str, tuple[Rule, str, str, Callable[[Object], object], str]] = {
    "an image by its tag": (
        pinned.images_are_digests,
        "StatefulSet",
        "prometheus",
        lambda one: _container(one).update(image="registry.s4.example/mirror/prometheus:v3"),
        "no digest",
    ),
    "a password without a store": (
        lambda given: connected.what_is_mounted_is_there(given, {}),
        "ExternalSecret",
        "grafana",
        lambda one: one["spec"]["target"].update(name="elsewhere"),
        "needs the Secret grafana, which nothing makes",
    ),
    "root": (
        confined.nobody_is_root,
        "Deployment",
        "grafana",
        lambda one: one["spec"]["template"]["spec"]["securityContext"].update(runAsUser=0),
        "may run as root",
    ),
    "a disk of the node": (
        confined.nothing_is_privileged,
        "Deployment",
        "kube-state-metrics",
        lambda one: one["spec"]["template"]["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "folder of its node",
    ),
    "no probe": (
        confined.servers_are_probed,
        "StatefulSet",
        "alertmanager",
        lambda one: _container(one).pop("livenessProbe"),
        "has no livenessProbe",
    ),
    "no budget": (
        available.budgets_hold_evictions_back,
        "PodDisruptionBudget",
        "prometheus",
        lambda one: one["spec"]["selector"]["matchLabels"].update({edges.NAME: "other"}),
        "prometheus has not one",
    ),
    "an unknown field": (
        schemas.mistakes,
        "StatefulSet",
        "prometheus",
        lambda one: one["spec"].update(retention="35d"),
        "retention",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    rule, kind, of, mistake, said = MISTAKES[name]
    assert any(said in problem for problem in rule(changed(kind, of, mistake)))

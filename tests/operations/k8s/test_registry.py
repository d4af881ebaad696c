"""The one registry of all environments, and that whoever runs its images may fetch them."""

import copy
from collections.abc import Callable, Iterator

import pytest
import yaml

from s4_devcloud.kubernetes.pod_security import violations
from support.manifests import Manifests, Object, available, confined, connected, edges, in_environment, render, schemas

CLOUD = ("staging", "production")
Rule = Callable[[Manifests], Iterator[str]]
RULES: tuple[Rule, ...] = (
    *confined.RULES,
    *connected.RULES,
    available.budgets_hold_evictions_back,
    schemas.mistakes,
    lambda given: connected.what_is_mounted_is_there(given, {}),
)


def registry() -> Manifests:
    return render("overlays/registry")


def changed(kind: str, name: str, change: Callable[[Object], object]) -> Manifests:
    objects = copy.deepcopy(registry().objects)
    change(Manifests(objects).named(kind, name))
    return Manifests(objects)


@pytest.mark.parametrize("rule", RULES)
def test_every_object_obeys(rule: Rule) -> None:
    assert list(rule(registry())) == []


def test_every_pod_meets_the_restricted_standard() -> None:
    assert {owner: found for owner, pod in registry().pods() if (found := violations(pod["spec"]))} == {}


def test_everything_is_in_a_namespace_of_its_own() -> None:
    namespaced = [one for one in registry().objects if one["kind"] != "Namespace"]
    assert {one["metadata"]["namespace"] for one in namespaced} == {"s4-registry"}


def test_only_the_ingress_and_prometheus_come_in_and_nothing_goes_out_but_to_the_api_server() -> None:
    assert edges.is_shut(registry())
    found = edges.network(registry())
    assert (found.inside, found.outward) == (set(), {("tidying", "443"), ("tidying", "6443")})
    assert found.inward == {("ingress", "registry", 5000), ("s4-observability", "registry", 5001)}


def test_the_service_leads_to_the_registry_and_never_to_the_job_beside_it() -> None:
    (service,) = registry().of("Service")
    wanted = service["spec"]["selector"].items()
    hit = [owner for owner, pod in registry().pods() if wanted <= pod["metadata"]["labels"].items()]
    assert hit == ["StatefulSet registry"]


def test_its_name_stands_once_and_is_that_of_every_image_and_of_the_policy() -> None:
    given = registry()
    (ingress,) = given.of("Ingress")
    name = ingress["spec"]["rules"][0]["host"]
    assert given.named("Certificate", "registry")["spec"]["dnsNames"] == [name]
    assert given.named("ServersTransport", "registry")["spec"]["serverName"] == name
    for environment in CLOUD:
        of = in_environment(environment)
        assert of.named("ConfigMap", "s4-images")["data"]["registry"] == f"{name}/"
        assert all(container["image"].startswith(f"{name}/") for _, container in of.containers())


def test_bytes_that_nobody_names_any_more_are_freed_each_week_before_it_serves() -> None:
    given = registry()
    spec = given.named("CronJob", "tidying")["spec"]
    assert spec["schedule"].split()[-1] == "0"
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["kubectl", "rollout", "restart", "statefulset/registry"]
    (collect,) = given.named("StatefulSet", "registry")["spec"]["template"]["spec"]["initContainers"]
    assert collect["command"][:2] == ["registry", "garbage-collect"]
    settings = yaml.safe_load(given.named("ConfigMap", "registry")["data"]["config.yml"])
    assert settings["storage"]["delete"] == {"enabled": True}


@pytest.mark.parametrize("environment", CLOUD)
@pytest.mark.parametrize("layer", ["", "/observability"])
def test_every_account_may_fetch_what_its_pods_run(environment: str, layer: str) -> None:
    given = render(f"overlays/{environment}{layer}") if layer else in_environment(environment)
    made = connected.made_secrets(given)
    assert list(unfetched(given)) == []
    assert ".dockerconfigjson" in made["s4-registry"]
    assert given.named("ExternalSecret", "s4-registry")["spec"]["target"]["template"]["type"] == (
        "kubernetes.io/dockerconfigjson"
    )
    for cluster in given.of("Cluster"):
        assert cluster["spec"]["imagePullSecrets"] == [{"name": "s4-registry"}]


def unfetched(given: Manifests) -> Iterator[str]:
    """Pods whose images no Secret opens the registry for."""
    named = {one["metadata"]["name"]: one.get("imagePullSecrets") for one in given.of("ServiceAccount")}
    for owner, template in given.pods():
        if named[template["spec"]["serviceAccountName"]] != [{"name": "s4-registry"}]:
            yield f"{owner} cannot fetch its image"


def test_an_account_without_it_is_seen() -> None:
    objects = copy.deepcopy(in_environment("production").objects)
    given = Manifests(objects)
    given.named("ServiceAccount", "s4-web").pop("imagePullSecrets")
    assert "Deployment web cannot fetch its image" in list(unfetched(given))


MISTAKES: dict[str, tuple[Rule, str, str, Callable[[Object], object], str]] = {
    "a token for the registry": (
        confined.tokens_are_for_those_who_need_them,
        "StatefulSet",
        "registry",
        lambda one: one["spec"]["template"]["spec"].pop("automountServiceAccountToken"),
        "given a token",
    ),
    "a root that can be written to": (
        confined.no_root_is_writable,
        "CronJob",
        "tidying",
        lambda one: one["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["securityContext"].pop(
            "readOnlyRootFilesystem"
        ),
        "can write",
    ),
    "passwords from nowhere": (
        lambda given: connected.what_is_mounted_is_there(given, {}),
        "ExternalSecret",
        "registry",
        lambda one: one["spec"]["target"].update(name="other"),
        "needs the Secret registry, which nothing makes",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused(name: str) -> None:
    rule, kind, of, mistake, said = MISTAKES[name]
    assert any(said in problem for problem in rule(changed(kind, of, mistake)))

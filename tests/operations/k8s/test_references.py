"""What objects name is there: Secrets, ConfigMaps, classes, queues, accounts."""

import copy
import json
from collections.abc import Callable

import pytest
from cryptography import x509

from s4_bus.topology import LISTENERS, main_queue
from support.manifests import Manifests, Object, connected, in_environment
from support.manifests.by_hand import local_secrets

CLOUD = ("staging", "production")


@pytest.mark.parametrize("environment", CLOUD)
def test_what_a_pod_mounts_is_made_by_something(environment: str) -> None:
    assert list(connected.what_is_mounted_is_there(in_environment(environment), {})) == []


def test_a_documented_command_makes_the_secrets_of_a_developers_cluster() -> None:
    keys = {name: frozenset(texts) for name, texts in local_secrets().items()}
    assert list(connected.what_is_mounted_is_there(in_environment("local"), keys)) == []
    assert list(connected.what_is_mounted_is_there(in_environment("local"), {})) != []


def test_the_secrets_of_a_developers_cluster_fit_each_other() -> None:
    by_hand = local_secrets()
    users = {each["name"] for each in json.loads(by_hand["rabbitmq-users"]["users.json"])["users"]}
    assert users == {*LISTENERS, "operator", "desk", "keda"}
    for server in ("rabbitmq", "postgres"):
        made = x509.load_pem_x509_certificate(by_hand[f"{server}-tls"]["tls.crt"].encode())
        authority = x509.load_pem_x509_certificate(by_hand["postgres-ca"]["ca.crt"].encode())
        made.verify_directly_issued_by(authority)
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [server]


def _without(key: str) -> Callable[[Object], None]:
    def change(one: Object) -> None:
        one["spec"]["data"] = [each for each in one["spec"]["data"] if each["secretKey"] != key]

    return change


def _elsewhere(one: Object) -> None:
    one["spec"]["target"]["name"] = "elsewhere"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("postgres-ca", _without("ca.crt"), "needs ca.crt in the Secret postgres-ca"),
        ("web", _elsewhere, "Deployment web needs the Secret web, which nothing makes"),
        ("rabbitmq-users", _without("users.json"), "StatefulSet rabbitmq needs users.json"),
    ],
)
def test_a_secret_that_lacks_something_is_seen(name: str, change: Callable[[Object], None], said: str) -> None:
    given = Manifests(copy.deepcopy(in_environment("production").objects))
    change(given.named("ExternalSecret", name))
    assert any(said in problem for problem in connected.what_is_mounted_is_there(given, {}))


def test_settings_that_were_not_generated_are_seen() -> None:
    given = Manifests(copy.deepcopy(in_environment("staging").objects))
    container = given.named("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"][0]["configMapRef"]["name"] = "web"
    problems = list(connected.what_is_mounted_is_there(given, {}))
    assert problems == ["Deployment web needs the ConfigMap web, which nothing makes"]


@pytest.mark.parametrize("environment", CLOUD)
def test_autoscalers_ask_for_queues_that_there_are(environment: str) -> None:
    scaled = in_environment(environment).of("ScaledObject")
    assert {one["metadata"]["name"] for one in scaled} == set(LISTENERS) - {"web"}
    for one in scaled:
        (asked,) = (each["metadata"] for each in one["spec"]["triggers"] if each["type"] == "rabbitmq")
        assert asked["queueName"] == main_queue(one["metadata"]["name"]).name


@pytest.mark.parametrize("environment", CLOUD)
def test_volumes_are_of_the_encrypted_class(environment: str) -> None:
    given = in_environment(environment)
    classes = {one["metadata"]["name"] for one in given.of("StorageClass")}
    asked = {
        claim["spec"].get("storageClassName")
        for one in given.of("StatefulSet")
        for claim in one["spec"]["volumeClaimTemplates"]
    }
    asked |= {one["spec"][field]["storageClass"] for one in given.of("Cluster") for field in ("storage", "walStorage")}
    assert asked == classes == {"s4-encrypted"}


@pytest.mark.parametrize("environment", ["local", *CLOUD])
def test_priorities_that_pods_have_are_there(environment: str) -> None:
    given = in_environment(environment)
    classes = {one["metadata"]["name"] for one in given.of("PriorityClass")}
    assert {template["spec"].get("priorityClassName") for _, template in given.pods()} <= classes


@pytest.mark.parametrize("environment", CLOUD)
def test_ingresses_are_of_classes_that_are_there_and_have_certificates(environment: str) -> None:
    given = in_environment(environment)
    classes = {one["metadata"]["name"] for one in given.of("IngressClass")}
    (issuer,) = (one["metadata"]["name"] for one in given.of("ClusterIssuer"))
    for one in given.of("Ingress"):
        assert one["spec"]["ingressClassName"] in classes
        assert one["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == issuer
        assert [rule["host"] for rule in one["spec"]["rules"]] == one["spec"]["tls"][0]["hosts"]

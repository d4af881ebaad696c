"""The network's edges are those of the design, and no other."""

import copy

import pytest

from support.manifests import Manifests, edges, in_environment

ENVIRONMENTS = ("local", "staging", "production")
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
# Who asks whom while somebody waits (docs/architecture.md), and what all have: the broker and a database of their own.
ASKED = {
    ("web", "billing", 8080),
    ("web", "provisioner", 8080),
    ("web", "invites", 8080),
    ("invites", "provisioner", 8080),
    ("invites", "mailbox", 4000),
    ("support", "billing", 8081),
}
BROKER = {
    *((service, "rabbitmq", 5671) for service in SERVICES),
    ("migrate-topology", "rabbitmq", 15671),
    ("rabbitmq", "rabbitmq", 4369),
    ("rabbitmq", "rabbitmq", 25672),
}
DATABASE = {(who, "postgres", 5432) for name in SERVICES for who in (name, f"migrate-{name}")}
INSTANCES = {("postgres", "postgres", 5432), ("postgres", "postgres", 8000)}
INWARD = {
    ("ingress", "web", 8080),
    ("ingress", "billing", 8080),
    ("ingress", "mailbox", 4000),
    ("ingress-internal", "support", 8080),
    ("mail", "notifier", 2525),
    ("keda", "rabbitmq", 5671),
    ("s4-observability", "rabbitmq", 15692),
    *(("s4-observability", service, 9090) for service in SERVICES),
}
OUTWARD = {
    ("billing", "443"),
    ("provisioner", "443"),
    ("provisioner", "22"),
    ("provisioner", "10000-32767"),
    ("notifier", "587"),
}
CLOUD = {("invites", "443"), ("backup", "443")}
LOCAL_CLOUD = {(who, port) for who in ("billing", "provisioner", "notifier") for port in ("4566", "12111", "2587")}
MANAGED = {(who, "5432") for name in SERVICES for who in (name, f"migrate-{name}")} | {("backup", "5432")}
DUMPED = {("backup", "postgres", 5432)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_nothing_is_said_about_is_shut(environment: str) -> None:
    assert edges.is_shut(in_environment(environment))


@pytest.mark.parametrize(
    ("environment", "database"),
    [("local", DATABASE), ("staging", DATABASE | INSTANCES | DUMPED), ("production", set())],
)
def test_pods_reach_each_other_where_the_design_says_so(environment: str, database: set[edges.Edge]) -> None:
    assert edges.network(in_environment(environment)).inside == ASKED | BROKER | database


@pytest.mark.parametrize(
    ("environment", "database"),
    [
        ("local", set()),
        ("staging", {("cnpg-system", "postgres", 8000), ("s4-observability", "postgres", 9187)}),
        ("production", set()),
    ],
)
def test_who_comes_from_elsewhere(environment: str, database: set[edges.Edge]) -> None:
    assert edges.network(in_environment(environment)).inward == INWARD | database


@pytest.mark.parametrize(
    ("environment", "more"),
    [
        ("local", LOCAL_CLOUD),
        ("staging", CLOUD | {("postgres", "443"), ("postgres", "6443")}),
        ("production", CLOUD | MANAGED),
    ],
)
def test_who_goes_out(environment: str, more: set[tuple[str, str]]) -> None:
    assert edges.network(in_environment(environment)).outward == OUTWARD | more


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nobody_goes_out_to_private_addresses_by_the_worlds_rules(environment: str) -> None:
    """The nodes' metadata service is one of them."""
    for policy in in_environment(environment).of("NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for peer in rule.get("to", ()):
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    assert {"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} <= set(
                        peer["ipBlock"]["except"]
                    )


def test_one_edge_too_many_is_seen() -> None:
    objects = copy.deepcopy(in_environment("staging").objects)
    given = Manifests(objects)
    given.named("NetworkPolicy", "notifier")["spec"]["egress"].append(
        {"to": [{"podSelector": {"matchLabels": {edges.NAME: "billing"}}}], "ports": [{"port": 8080}]}
    )
    given.named("NetworkPolicy", "billing")["spec"]["ingress"][0]["from"].append(
        {"podSelector": {"matchLabels": {edges.NAME: "notifier"}}}
    )
    assert ("notifier", "billing", 8080) in edges.network(given).inside


def test_one_side_alone_opens_nothing() -> None:
    objects = copy.deepcopy(in_environment("staging").objects)
    given = Manifests(objects)
    given.named("NetworkPolicy", "notifier")["spec"]["egress"].append(
        {"to": [{"podSelector": {"matchLabels": {edges.NAME: "billing"}}}], "ports": [{"port": 8080}]}
    )
    assert ("notifier", "billing", 8080) not in edges.network(given).inside

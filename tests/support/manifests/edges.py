"""Who may speak with whom: what a network plug-in makes of the NetworkPolicies (Kubernetes documentation, the same)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from support.manifests.rendering import Manifests, Object

Edge = tuple[str, str, int]
NAME = "app.kubernetes.io/name"
# What is not made by objects of ours, and is one side of an edge.
POSTGRES = {NAME: "postgres", "app.kubernetes.io/component": "database"}


@dataclass(frozen=True)
class Pod:
    """One kind of pod: its labels, and where it listens."""

    name: str
    labels: dict[str, str]
    ports: frozenset[int]


@dataclass
class Network:
    """Every edge that the policies leave open."""

    inside: set[Edge] = field(default_factory=set)
    inward: set[Edge] = field(default_factory=set)
    outward: set[tuple[str, str]] = field(default_factory=set)


def pods_of(given: Manifests) -> list[Pod]:
    """One of each, and the database, which may be another's."""
    found = {}
    for _, template in given.pods():
        labels = template["metadata"]["labels"]
        ports = {port["containerPort"] for each in template["spec"]["containers"] for port in each.get("ports", ())}
        found[labels[NAME]] = Pod(labels[NAME], labels, frozenset(ports))
    if given.of("Cluster"):
        found["postgres"] = Pod("postgres", POSTGRES, frozenset({5432, 8000, 9187}))
    return list(found.values())


def network(given: Manifests) -> Network:
    """What may be reached from where. A connection needs a yes from both sides, if both are pods here."""
    pods, policies, found = pods_of(given), [one["spec"] for one in given.of("NetworkPolicy")], Network()
    for source in pods:
        for target in pods:
            for port in target.ports:
                if _goes(policies, source, target, port) and _comes(policies, source, target, port):
                    found.inside.add((source.name, target.name, port))
    for pod in pods:
        found.inward |= set(_from_namespaces(policies, pod))
        found.outward |= set(_to_the_world(policies, pod))
    return found


def is_shut(given: Manifests) -> bool:
    """Whether what no policy speaks of may neither be reached nor reach anything."""
    return any(
        spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"} and not spec.get("ingress")
        for spec in (one["spec"] for one in given.of("NetworkPolicy"))
    )


def fits(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    wanted = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(
        (labels.get(each["key"]) in each["values"]) is {"In": True, "NotIn": False}[each["operator"]]
        for each in selector.get("matchExpressions", ())
    )


def _rules(policies: Iterable[Object], pod: Pod, side: str) -> list[Object]:
    return [rule for spec in policies if fits(spec["podSelector"], pod.labels) for rule in spec.get(side, ())]


def _goes(policies: list[Object], source: Pod, target: Pod, port: int) -> bool:
    rules = _rules(policies, source, "egress")
    return any(_names(rule.get("to"), target) and _has(rule, port) for rule in rules)


def _comes(policies: list[Object], source: Pod, target: Pod, port: int) -> bool:
    rules = _rules(policies, target, "ingress")
    return any(_names(rule.get("from"), source) and _has(rule, port) for rule in rules)


def _names(peers: list[Object] | None, pod: Pod) -> bool:
    if peers is None:
        return True
    return any(
        "namespaceSelector" not in peer and "podSelector" in peer and fits(peer["podSelector"], pod.labels)
        for peer in peers
    )


def _has(rule: Object, port: int) -> bool:
    return any(each["port"] <= port <= each.get("endPort", each["port"]) for each in rule["ports"])


def _from_namespaces(policies: list[Object], pod: Pod) -> Iterable[Edge]:
    for rule in _rules(policies, pod, "ingress"):
        for peer in rule.get("from", ()):
            if "namespaceSelector" in peer:
                place = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                yield from ((place, pod.name, port) for port in pod.ports if _has(rule, port))


def _to_the_world(policies: list[Object], pod: Pod) -> Iterable[tuple[str, str]]:
    for rule in _rules(policies, pod, "egress"):
        if any("ipBlock" in peer for peer in rule.get("to", [{"ipBlock": {}}])):
            for each in rule["ports"]:
                yield pod.name, f"{each['port']}-{each['endPort']}" if "endPort" in each else str(each["port"])

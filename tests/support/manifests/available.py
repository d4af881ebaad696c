"""What keeps a service up while nodes, zones and releases come and go."""

from collections.abc import Iterator

from support.manifests.rendering import Manifests, Object

# Two clients of it meet in one process; see k8s/base/mailbox/one.yaml.
ALONE = frozenset({"mailbox"})
# s4_runtime.run leaves behind what has not ended after this; giving back connections takes as much again at most.
_DRAIN_SECONDS, _CLOSING_SECONDS = 20, 15


def _deployments(given: Manifests) -> Iterator[tuple[str, Object]]:
    for one in given.of("Deployment"):
        yield one["metadata"]["name"], one["spec"]


def budgets_hold_evictions_back(given: Manifests) -> Iterator[str]:
    budgets = [one["spec"]["selector"]["matchLabels"] for one in given.of("PodDisruptionBudget")]
    for name, spec in _servers(given):
        labels = spec["template"]["metadata"]["labels"]
        if sum(budget.items() <= labels.items() for budget in budgets) != 1:
            yield f"{name} has not one PodDisruptionBudget"


def replicas_are_spread(given: Manifests) -> Iterator[str]:
    for name, spec in _servers(given):
        keys = {each["topologyKey"] for each in spec["template"]["spec"].get("topologySpreadConstraints", ())}
        if keys != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{name} is not spread over zones and nodes"


def autoscalers_are_one_each(given: Manifests) -> Iterator[str]:
    scaled = [one["spec"]["scaleTargetRef"]["name"] for one in given.of("HorizontalPodAutoscaler", "ScaledObject")]
    for name, spec in _deployments(given):
        if name in ALONE:
            continue
        if scaled.count(name) != 1:
            yield f"{name} has {scaled.count(name)} autoscalers"
        if "replicas" in spec:
            yield f"{name} says how many replicas there are, which its autoscaler decides"
    for one in given.of("HorizontalPodAutoscaler"):
        if one["spec"]["minReplicas"] < 2:
            yield f"{one['metadata']['name']} may be left with one replica"
    for one in given.of("ScaledObject"):
        if one["spec"]["minReplicaCount"] < 2:
            yield f"{one['metadata']['name']} may be left with one replica"


def releases_interrupt_nobody(given: Manifests) -> Iterator[str]:
    for name, spec in _deployments(given):
        if name not in ALONE:
            if spec.get("strategy", {}).get("rollingUpdate") != {"maxUnavailable": 0, "maxSurge": 1}:
                yield f"{name} may have fewer replicas during a release"
            if spec.get("minReadySeconds", 0) < 5:
                yield f"{name} counts as there as soon as it is ready once"
        pod = spec["template"]["spec"]
        pause = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pause < 5:
            yield f"{name} is told to end while it is still sent requests"
        if pod.get("terminationGracePeriodSeconds", 30) < pause + _DRAIN_SECONDS + _CLOSING_SECONDS:
            yield f"{name} is killed before it has drained"


def accounts_are_their_own(given: Manifests) -> Iterator[str]:
    for name, spec in _deployments(given):
        if spec["template"]["spec"].get("serviceAccountName") != f"s4-{name}":
            yield f"{name} does not run as its own account"


def _servers(given: Manifests) -> Iterator[tuple[str, Object]]:
    for one in given.of("Deployment", "StatefulSet"):
        yield one["metadata"]["name"], one["spec"]


RULES = (
    budgets_hold_evictions_back,
    replicas_are_spread,
    autoscalers_are_one_each,
    releases_interrupt_nobody,
    accounts_are_their_own,
)

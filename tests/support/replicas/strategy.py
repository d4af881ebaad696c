"""How the manifests say that pods are replaced, read from the objects that `s4 deploy` would apply."""

from dataclasses import dataclass, replace
from typing import Any

from s4_ops.deploy.rendering import in_order
from support.manifests import in_environment

_KUBE_PROXY = 1.0  # seconds from a pod's becoming ready or ending until every node's connections follow: some tenths


@dataclass(frozen=True)
class Strategy:
    """Of one Deployment; seconds."""

    name: str
    recreates: bool
    surge: int
    unavailable: int
    min_ready: float
    pre_stop: float
    grace: float
    startup_period: float
    readiness_period: float
    readiness_timeout: float
    readiness_failures: int
    propagation: float = _KUBE_PROXY

    def paced(self, pace: float) -> "Strategy":
        """All pauses are this much of what they are; limits stay."""
        return replace(
            self,
            min_ready=self.min_ready * pace,
            pre_stop=self.pre_stop * pace,
            startup_period=self.startup_period * pace,
            readiness_period=self.readiness_period * pace,
            propagation=self.propagation * pace,
        )


def strategies(environment: str = "production") -> list[Strategy]:
    """Those of the environment's Deployments, in the order in which `s4 deploy` replaces them."""
    return [_read(one) for one in in_order(list(in_environment(environment).objects)).services if _is_ours(one)]


def migrations(environment: str = "production") -> list[str]:
    """The services whose Jobs run before any of that, in their order; the broker's definitions are the shop's."""
    jobs = in_order(list(in_environment(environment).objects)).before
    names = [str(one["metadata"]["labels"]["app.kubernetes.io/name"]) for one in jobs]
    return [name.removeprefix("migrate-") for name in names if name != "migrate-topology"]


def _component(one: dict[str, Any]) -> str:
    return str(one["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""))


def _is_ours(one: dict[str, Any]) -> bool:
    return _component(one) in {"service", "mailbox"}


def _read(deployment: dict[str, Any]) -> Strategy:
    spec, pod = deployment["spec"], deployment["spec"]["template"]["spec"]
    rolling = spec["strategy"].get("rollingUpdate") or {}
    container = pod["containers"][0]
    ready, begun = container["readinessProbe"], container["startupProbe"]
    return Strategy(
        name=deployment["metadata"]["name"],
        recreates=spec["strategy"]["type"] == "Recreate",
        surge=int(rolling.get("maxSurge", 0)),
        unavailable=int(rolling.get("maxUnavailable", 1)),
        min_ready=spec["minReadySeconds"],
        pre_stop=container["lifecycle"]["preStop"]["sleep"]["seconds"],
        grace=pod["terminationGracePeriodSeconds"],
        startup_period=begun["periodSeconds"],
        readiness_period=ready["periodSeconds"],
        readiness_timeout=ready.get("timeoutSeconds", 1),
        readiness_failures=ready.get("failureThreshold", 3),
    )

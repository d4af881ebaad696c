"""Only one deployment at a time: a Lease in the namespace, which runs out when its holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from s4_ops.deploy.kubectl import Kubectl, Object
from s4_runtime import Clock, Permanent, Temporary

NAME = "s4-deploy"
LASTS = timedelta(minutes=2)


class DeployRunning(Permanent):
    """Somebody else deploys to this namespace."""


class LeaseLost(Permanent):
    """The lease ran out, and somebody took it: nothing more may be done."""


class Lock:
    """The lease of one holder, whose name is different for every run."""

    def __init__(self, kubectl: Kubectl, holder: str, clock: Clock, lasts: timedelta = LASTS) -> None:
        self._kubectl, self._holder, self._clock, self._lasts = kubectl, holder, clock, lasts
        self._renewed: datetime | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """The lease is ours meanwhile. Raises DeployRunning."""
        self._take()
        try:
            yield
        finally:
            with suppress(Permanent, Temporary):
                self._give_back()

    def keep(self) -> None:
        """The lease stays ours; to be called far more often than it lasts. Raises LeaseLost."""
        now = self._clock.now()
        if self._renewed is not None and now - self._renewed < self._lasts / 4:
            return
        live = self._kubectl.get("lease", NAME)
        if live is None or live["spec"].get("holderIdentity") != self._holder:
            raise LeaseLost("deploy-lease-lost", namespace=self._kubectl.namespace)
        if not self._kubectl.replace(self._made(live)):
            raise LeaseLost("deploy-lease-lost", namespace=self._kubectl.namespace)
        self._renewed = now

    def _take(self) -> None:
        live = self._kubectl.get("lease", NAME)
        if live is None:
            is_ours = self._kubectl.create(self._made(None))
        elif (until := ends_at(live)) and until > self._clock.now():
            raise self._running(live)
        else:
            is_ours = self._kubectl.replace(self._made(live))
        if not is_ours:
            raise self._running(self._kubectl.get("lease", NAME))
        self._renewed = self._clock.now()

    def _give_back(self) -> None:
        live = self._kubectl.get("lease", NAME)
        if live is not None and live["spec"].get("holderIdentity") == self._holder:
            live["spec"]["holderIdentity"] = ""
            self._kubectl.replace(live)

    def _made(self, live: Object | None) -> Object:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        made = live or {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": self._kubectl.namespace},
        }
        spec = made.get("spec", {})
        if spec.get("holderIdentity") != self._holder:
            spec = {**spec, "acquireTime": now, "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        seconds = max(1, round(self._lasts.total_seconds()))
        return {
            **made,
            "spec": {**spec, "holderIdentity": self._holder, "leaseDurationSeconds": seconds, "renewTime": now},
        }

    @staticmethod
    def _running(live: Object | None) -> DeployRunning:
        holder = live["spec"].get("holderIdentity", "") if live else ""
        until = ends_at(live) if live else None
        return DeployRunning("deploy-running", holder=holder, until=until.isoformat() if until else "soon")


def ends_at(live: Object) -> datetime | None:
    """Until when somebody holds the lease; nothing when nobody does."""
    spec = live["spec"]
    if not spec.get("holderIdentity"):
        return None
    return datetime.fromisoformat(spec["renewTime"]) + timedelta(seconds=spec["leaseDurationSeconds"])

"""Services replaced one by one, each waited for; Jobs that must be done before."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from s4_ops.deploy.kubectl import Kubectl, Object
from s4_ops.deploy.lock import Lock
from s4_ops.deploy.rendering import containers
from s4_runtime import Clock, Permanent, Temporary

Say = Callable[[str], None]
_STUCK = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}  # waiting does not mend these
_RESTARTS = 4  # of one container, while it is waited for


class MigrationFailed(Permanent):
    """A migration did not end well; nothing after it was begun."""


class NotReady(Permanent):
    """A service does not get ready with the new image."""


@dataclass(frozen=True)
class Patience:
    """How long is waited for what."""

    job: timedelta = timedelta(minutes=20)
    service: timedelta = timedelta(minutes=10)
    first_pause: timedelta = timedelta(seconds=0.2)
    last_pause: timedelta = timedelta(seconds=3)


class Rollout:
    """Brings objects to the cluster while the lock is ours."""

    def __init__(self, kubectl: Kubectl, lock: Lock, clock: Clock, patience: Patience, say: Say) -> None:
        self._kubectl, self.lock, self._clock = kubectl, lock, clock
        self._patience, self._say = patience, say

    def apply(self, objects: list[Object]) -> None:
        """They are as wanted."""
        self.lock.keep()
        self._kubectl.apply(objects)

    def migrate(self, jobs: list[Object]) -> None:
        """Each Job has done its work, one after another. Raises MigrationFailed."""
        for job in jobs:
            name = job["metadata"]["name"]
            if self._is_done(job):
                self._say(f"{name}: was done before")
                continue
            self.apply([job])
            self._say(f"{name}: runs")
            self._wait(self._patience.job, partial(self._has_ended, name), MigrationFailed, job=name)
            self._say(f"{name}: done")

    def bring(self, service: Object) -> None:
        """The service runs as wanted, every pod of it, and each is ready. Raises NotReady."""
        name = service["metadata"]["name"]
        self.apply([service])
        self._say(f"{name}: is replaced")
        self._wait(self._patience.service, partial(self._is_ready, name), NotReady, service=name)
        self._say(f"{name}: ready")

    def unready(self, services: list[Object]) -> list[str]:
        """The services of which fewer pods are available than wanted."""
        found = []
        for service in services:
            live = self._kubectl.get("deployment", service["metadata"]["name"])
            status = (live or {}).get("status", {})
            if live is None or status.get("availableReplicas", 0) < live["spec"].get("replicas", 1):
                found.append(service["metadata"]["name"])
        return found

    def pause(self, span: timedelta) -> None:
        """Some time passes; the lock stays ours."""
        self.lock.keep()
        time.sleep(span.total_seconds())

    def _wait(self, most: timedelta, ended: Callable[[], bool], late: type[Permanent], **what: str) -> None:
        until = self._clock.monotonic() + most.total_seconds()
        pause = self._patience.first_pause
        while True:
            try:
                if ended():
                    return
            except Temporary:
                self._say("the cluster cannot be reached; trying again")
            if self._clock.monotonic() > until:
                raise late("too-late", seconds=round(most.total_seconds()), **what)
            self.pause(pause)
            pause = min(1.5 * pause, self._patience.last_pause)

    def _is_done(self, job: Object) -> bool:
        """Whether it ran with this image before. One that failed, or ran with another, is taken away."""
        live = self._kubectl.get("job", job["metadata"]["name"])
        if live is None:
            return False
        is_same = [each["image"] for each in containers(live)] == [each["image"] for each in containers(job)]
        if is_same and not _is(live, "Failed"):
            return _is(live, "Complete")
        self._kubectl.delete("job", job["metadata"]["name"])
        return False

    def _has_ended(self, name: str) -> bool:
        live = self._kubectl.get("job", name)
        if live is not None and _is(live, "Failed"):
            self._say(self._kubectl.logs(name))
            raise MigrationFailed("migration-failed", job=name)
        return live is not None and _is(live, "Complete")

    def _is_ready(self, name: str) -> bool:
        live = self._kubectl.get("deployment", name)
        if live is None:
            raise NotReady("service-vanished", service=name)
        status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
        if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
            return False
        counts = [status.get(each, 0) for each in ("replicas", "updatedReplicas", "availableReplicas")]
        if counts == [wanted] * 3:
            return True
        trouble = self._trouble(live)
        if trouble:
            self._say(f"{name}: {'; '.join(trouble)}")
        if _progress(live) == "ProgressDeadlineExceeded" or any(each.endswith("!") for each in trouble):
            raise NotReady("service-not-ready", service=name, ready=counts[2], wanted=wanted)
        return False

    def _trouble(self, live: Object) -> list[str]:
        """Why its pods do not start; what waiting does not mend ends with "!"."""
        labels = live["spec"]["selector"]["matchLabels"]
        found = set()
        for pod in self._kubectl.select("pods", ",".join(f"{name}={value}" for name, value in labels.items())):
            for each in pod.get("status", {}).get("containerStatuses", []):
                reason = each.get("state", {}).get("waiting", {}).get("reason", "")
                is_hopeless = reason in _STUCK or each.get("restartCount", 0) >= _RESTARTS
                if reason and reason != "ContainerCreating":
                    found.add(f"{reason}{'!' if is_hopeless else ''}")
        return sorted(found)


def _is(live: Object, condition: str) -> bool:
    found = live.get("status", {}).get("conditions", [])
    return any(each["type"] == condition and each["status"] == "True" for each in found)


def _progress(live: Object) -> str:
    found = live.get("status", {}).get("conditions", [])
    return next((str(each.get("reason", "")) for each in found if each["type"] == "Progressing"), "")

"""Deployments and Jobs: pods that are replaced by new ones, and pods that end. There are no ReplicaSets in between."""

import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.admission import Admission
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.store import Object, Store, now

_HASH = "pod-template-hash"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Workloads:
    """Brings all of them one step nearer to what is wanted, each time."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self._store, self._admission = store, admission

    def reconcile(self) -> None:
        """One step."""
        for wanted in self._store.list(kinds.DEPLOYMENT):
            self._serve(wanted)
        for wanted in self._store.list(kinds.JOB):
            if not _condition(wanted, "Complete") and not _condition(wanted, "Failed"):
                self._work(wanted)

    def _serve(self, wanted: Object) -> None:
        """New pods beside the old ones, which go when the new ones are ready."""
        mark = _digest(wanted["spec"]["template"])
        replicas = wanted["spec"]["replicas"]
        pods = self._pods_of(wanted)
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(_HASH) == mark]
        for number in range(len(updated), replicas):
            self._make(wanted, f"{mark}-{number}", {_HASH: mark})
        if sum(map(is_ready, updated)) >= replicas:
            for pod in [pod for pod in pods if pod not in updated] + updated[replicas:]:
                self._store.remove(kinds.POD, pod)
        self._tell(wanted, mark)

    def _tell(self, wanted: Object, mark: str) -> None:
        pods = self._pods_of(wanted)
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(_HASH) == mark]
        ready = [pod for pod in pods if is_ready(pod)]
        is_done = len(updated) == len(pods) == wanted["spec"]["replicas"] == len(ready)
        status = {
            "observedGeneration": wanted["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(updated),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready),
            "conditions": [self._progress(wanted, is_done=is_done)],
        }
        self._store.update_status(kinds.DEPLOYMENT, wanted, **status)

    @staticmethod
    def _progress(wanted: Object, *, is_done: bool) -> Object:
        before = _condition(wanted, "Progressing")
        is_same = bool(before) and wanted["status"]["observedGeneration"] == wanted["metadata"]["generation"]
        since = before["lastUpdateTime"] if before and is_same else now()
        waited = datetime.now(UTC) - datetime.strptime(since, _TIME).replace(tzinfo=UTC)
        is_late = not is_done and waited > timedelta(seconds=wanted["spec"]["progressDeadlineSeconds"])
        reason = "ProgressDeadlineExceeded" if is_late else "NewReplicaSetAvailable" if is_done else "Updated"
        status = "False" if is_late else "True"
        return {"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": since}

    def _work(self, wanted: Object) -> None:
        pods = self._pods_of(wanted)
        phases = [pod.get("status", {}).get("phase") for pod in pods]
        failed = phases.count("Failed")
        told: Object = {"failed": failed, "succeeded": phases.count("Succeeded"), "active": len(pods) - failed}
        if "Succeeded" in phases:
            told |= {"active": 0, "conditions": [{"type": "Complete", "status": "True"}]}
        elif failed > wanted["spec"]["backoffLimit"]:
            ended = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
            told |= {"active": 0, "conditions": [ended]}
        elif failed == len(pods):
            self._make(wanted, f"{failed}", {})
        self._store.update_status(kinds.JOB, wanted, **told)

    def _pods_of(self, wanted: Object) -> list[Object]:
        uid = wanted["metadata"]["uid"]
        return [
            pod
            for pod in self._store.list(kinds.POD, wanted["metadata"]["namespace"])
            if any(each["uid"] == uid for each in pod["metadata"].get("ownerReferences", []))
        ]

    def _make(self, wanted: Object, suffix: str, labels: dict[str, str]) -> None:
        meta, template = wanted["metadata"], copy.deepcopy(wanted["spec"]["template"])
        owner = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "name": meta["name"], "uid": meta["uid"]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{meta['name']}-{suffix}",
                "namespace": meta["namespace"],
                "labels": {**template["metadata"].get("labels", {}), **labels},
                "ownerReferences": [{**owner, "controller": True}],
            },
            "spec": template["spec"],
        }
        try:
            self._admission.admit(kinds.POD, None, pod)
        except Refused:
            return  # the deployment does not get on, which its progress says
        if self._store.get(kinds.POD, meta["namespace"], pod["metadata"]["name"]) is None:
            self._store.create(kinds.POD, pod)


def is_ready(pod: Object) -> bool:
    """Whether the pod says that it can serve."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _condition(of: Object, kind: str) -> Object | None:
    found = of.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), None)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]

"""What goes on in a cluster without being asked: pods of stateful sets, namespaces that end, what nobody owns."""

import copy
import hashlib
import json

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.admission import Admission
from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.store import Object, Store, now
from s4_devcloud.kubernetes.workloads import Workloads, is_ready

REVISION = "controller-revision-hash"


class Controllers:
    """Brings everything one step nearer to what is wanted, each time."""

    def __init__(self, store: Store, admission: Admission) -> None:
        self._store, self._admission = store, admission
        self._workloads = Workloads(store, admission)

    def reconcile(self) -> None:
        """One step."""
        self._collect()
        for namespace in self._store.list(kinds.NAMESPACE):
            if "deletionTimestamp" in namespace["metadata"]:
                self._end(namespace)
        self._workloads.reconcile()
        for wanted in self._store.list(kinds.STATEFUL_SET):
            if "deletionTimestamp" not in wanted["metadata"]:
                self._serve(wanted)

    def _collect(self) -> None:
        """What belongs to nothing any more goes; who waits for what belongs to it goes after that."""
        everything = [(kind, one) for kind in kinds.KINDS for one in self._store.list(kind)]
        living = {one["metadata"]["uid"] for _, one in everything if not _goes_last(one)}
        owned: set[str] = set()
        for kind, one in everything:
            owners = [each["uid"] for each in one["metadata"].get("ownerReferences", [])]
            owned.update(owners)
            if owners and not living & set(owners):
                self._delete(kind, one)
        for kind, one in everything:
            if _goes_last(one) and one["metadata"]["uid"] not in owned:
                self._store.remove(kind, one)

    def _delete(self, kind: Kind, one: Object) -> None:
        if kind is not kinds.POD:
            self._store.remove(kind, one)
        elif "deletionTimestamp" not in one["metadata"]:
            grace = one["spec"]["terminationGracePeriodSeconds"]
            one["metadata"].update(deletionTimestamp=now(grace), deletionGracePeriodSeconds=grace)
            self._store.put(kind, one)

    def _end(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        inside = [(kind, one) for kind in kinds.KINDS if kind.is_namespaced for one in self._store.list(kind, name)]
        for kind, one in inside:
            self._delete(kind, one)
        if not inside:
            self._store.remove(kinds.NAMESPACE, namespace)

    def _serve(self, wanted: Object) -> None:
        meta, spec = wanted["metadata"], wanted["spec"]
        revision = f"{meta['name']}-{_digest(spec['template'])}"
        pods = self._pods_of(wanted)
        for ordinal, pod in pods.items():
            is_surplus, is_over = ordinal >= spec["replicas"], pod["status"].get("phase") in {"Failed", "Succeeded"}
            if is_surplus or is_over or pod["metadata"]["labels"][REVISION] != revision:
                self._delete(kinds.POD, pod)
        for ordinal in range(spec["replicas"]):
            if ordinal not in pods:
                self._make_pod(wanted, ordinal, revision)
        self._tell(wanted, revision)

    def _tell(self, wanted: Object, revision: str) -> None:
        pods = [pod for pod in self._pods_of(wanted).values() if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in pods if is_ready(pod)]
        updated = [pod for pod in pods if pod["metadata"]["labels"][REVISION] == revision]
        self._store.update_status(
            kinds.STATEFUL_SET,
            wanted,
            observedGeneration=wanted["metadata"]["generation"],
            replicas=len(pods),
            readyReplicas=len(ready),
            availableReplicas=len(ready),
            updatedReplicas=len(updated),
            currentRevision=revision,
            updateRevision=revision,
        )

    def _pods_of(self, wanted: Object) -> dict[int, Object]:
        uid, namespace = wanted["metadata"]["uid"], wanted["metadata"]["namespace"]
        found = [pod for pod in self._store.list(kinds.POD, namespace) if _is_owned(pod, uid)]
        return {int(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"]): pod for pod in found}

    def _make_pod(self, wanted: Object, ordinal: int, revision: str) -> None:
        meta, template = wanted["metadata"], copy.deepcopy(wanted["spec"]["template"])
        name = f"{meta['name']}-{ordinal}"
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": meta["name"], "uid": meta["uid"]}
        labels = {"statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": {**template["metadata"].get("labels", {}), **labels, REVISION: revision},
                "annotations": template["metadata"].get("annotations", {}),
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": {**template["spec"], "hostname": name, "subdomain": wanted["spec"].get("serviceName", "")},
        }
        try:
            self._admission.admit(kinds.POD, None, pod)
        except Refused as refused:
            self._note(
                wanted, "FailedCreate", f"create Pod {name} in StatefulSet {meta['name']} failed error: {refused}"
            )
        else:
            self._store.create(kinds.POD, pod)

    def _note(self, of: Object, reason: str, message: str) -> None:
        """An event about the object; the same one is not repeated."""
        meta = of["metadata"]
        name = f"{meta['name']}.{_digest([reason, message])}"
        if self._store.get(kinds.EVENT, meta["namespace"], name) is None:
            about = {"kind": of["kind"], "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
            event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": meta["namespace"]}}
            event |= {"involvedObject": about, "reason": reason, "message": message, "type": "Warning"}
            self._store.create(kinds.EVENT, event)


def _goes_last(one: Object) -> bool:
    return "foregroundDeletion" in one["metadata"].get("finalizers", []) and "deletionTimestamp" in one["metadata"]


def _is_owned(pod: Object, uid: str) -> bool:
    return any(each["uid"] == uid for each in pod["metadata"].get("ownerReferences", []))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]

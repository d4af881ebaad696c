"""The nodes: they take pods, give each an address, and run what is in it."""

import asyncio
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.pod_life import MARK, PodLife
from s4_devcloud.kubernetes.pretended import Pretended
from s4_devcloud.kubernetes.quantities import amount
from s4_devcloud.kubernetes.store import Object, Store
from s4_devcloud.kubernetes.volumes import VolumeMissing, Volumes
from s4_devcloud.machines.network import Network
from s4_devcloud.machines.remains import kill_all, marked

_UNUSED_PORT = 34561  # an address on which this is free does for a pod: what else it opens is its own affair


class Kubelet:
    """Runs the pods of all nodes. `programs` is where the image's commands are."""

    def __init__(self, store: Store, folder: Path, programs: Path, network: Network, tasks: asyncio.TaskGroup) -> None:
        self._store, self._folder, self._programs = store, folder, programs
        self._network, self._tasks = network, tasks
        self._lives: dict[str, PodLife] = {}
        self._ending: set[str] = set()
        self._dead: set[str] = set()
        self.pretended = Pretended()

    def add_node(self, name: str, memory: str) -> None:
        """The cluster has a node of this name."""
        address = self._network.take(_UNUSED_PORT)
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        }
        addresses = [{"type": kind, "address": address} for kind in ("InternalIP", "ExternalIP")]
        size = {"memory": memory, "cpu": "4", "pods": "110"}
        node["status"] = {
            "addresses": addresses,
            "allocatable": size,
            "capacity": size,
            "conditions": _condition("True"),
        }
        self._store.create(kinds.NODE, node)

    def lose_node(self, name: str) -> None:
        """The node stops as in a power cut: its pods are not ended by anybody, they are just not heard of any more."""
        self._dead.add(name)
        node = self._store.get(kinds.NODE, "", name)
        if node is not None:
            self._store.update_status(kinds.NODE, node, conditions=_condition("Unknown"))
        for pod in self._store.list(kinds.POD):
            if pod["spec"].get("nodeName") == name:
                if life := self._lives.get(pod["metadata"]["uid"]):
                    life.kill()
                conditions = [
                    {**each, "status": "False"} if each["type"] == "Ready" else each
                    for each in pod["status"].get("conditions", [])
                ]
                self._store.update_status(kinds.POD, pod, conditions=conditions)

    def log_of(self, pod: Object) -> str:
        """What the pod has printed since it was put on its node."""
        if (said := self.pretended.log(pod)) is not None:
            return said
        log = self._folder / pod["metadata"]["uid"] / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def sync(self) -> None:
        """Every pod is where it should be, or on its way there."""
        pods = {pod["metadata"]["uid"]: pod for pod in self._store.list(kinds.POD)}
        for uid in [uid for uid, life in self._lives.items() if life.is_over]:
            self._network.give_back(self._lives.pop(uid).address)
        for uid, pod in pods.items():
            is_ending = "deletionTimestamp" in pod["metadata"]
            if is_ending and pod["spec"].get("nodeName") in self._dead:
                continue  # its kubelet says nothing: somebody has to delete the pod by force
            if is_ending:
                self._end(uid, pod)
            elif uid in self._lives:
                self._refresh(self._lives[uid])
            elif "nodeName" not in pod["spec"]:
                self._schedule(pod)
            elif self.pretended.knows(pod):
                self._pretend(pod)
        for uid, life in self._lives.items():
            if uid not in pods:
                life.kill()

    def sweep(self) -> None:
        """No process is left of any pod of an earlier run."""
        for folder in self._folder.glob("*"):
            kill_all(partial(marked, f"{MARK}={folder}"))

    def close(self) -> None:
        """Every pod is told to end at once."""
        for life in self._lives.values():
            life.kill()

    def _schedule(self, pod: Object) -> None:
        node = next((name for name in self._ready_nodes() if self._room(name) >= _memory(pod)), None)
        if node is None:
            why = {"reason": "Unschedulable", "message": "0 nodes are available: Insufficient memory."}
            self._store.update_status(kinds.POD, pod, conditions=[{"type": "PodScheduled", "status": "False", **why}])
            return
        pod["spec"]["nodeName"] = node
        self._start(self._store.put(kinds.POD, pod))

    def _start(self, pod: Object) -> None:
        if self.pretended.knows(pod):
            self._pretend(pod)
            return
        uid = pod["metadata"]["uid"]
        folder = self._folder / uid
        folder.mkdir(parents=True)
        tell = partial(self._store.update_status, kinds.POD, pod)
        volumes = Volumes(pod, folder / "volumes", self._store)
        life = PodLife(pod, folder, self._network.take(_UNUSED_PORT), self._programs, volumes=volumes, tell=tell)
        self._lives[uid] = life
        self._tasks.create_task(life.run())

    def _pretend(self, pod: Object) -> None:
        self._store.update_status(kinds.POD, pod, **self.pretended.status(pod))

    @staticmethod
    def _refresh(life: PodLife) -> None:
        """Secrets that were replaced since are replaced for the pod, too; a missing one stays as it was."""
        if life.is_mounted:
            with suppress(VolumeMissing):
                life.volumes.lay_out()

    def _end(self, uid: str, pod: Object) -> None:
        life = self._lives.get(uid)
        if life is None:
            self._store.remove(kinds.POD, pod)
            self._ending.discard(uid)
        elif uid not in self._ending:
            self._ending.add(uid)
            self._tasks.create_task(self._end_in_order(life, pod))

    async def _end_in_order(self, life: PodLife, pod: Object) -> None:
        await life.end(pod["metadata"]["deletionGracePeriodSeconds"])
        self._store.changed.set()

    def _ready_nodes(self) -> list[str]:
        return [
            name for node in self._store.list(kinds.NODE) if (name := str(node["metadata"]["name"])) not in self._dead
        ]

    def _room(self, node: str) -> Decimal:
        found = self._store.get(kinds.NODE, "", node)
        used = [_memory(pod) for pod in self._store.list(kinds.POD) if pod["spec"].get("nodeName") == node]
        return (amount(found["status"]["allocatable"]["memory"]) if found else Decimal(0)) - sum(used, Decimal(0))


def _memory(pod: Object) -> Decimal:
    wanted = [
        container.get("resources", {}).get("requests", {}).get("memory", 0) for container in pod["spec"]["containers"]
    ]
    return sum((amount(each) for each in wanted), Decimal(0))


def _condition(status: str) -> list[Object]:
    return [{"type": "Ready", "status": status}]

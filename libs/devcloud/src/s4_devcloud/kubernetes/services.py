"""Services: addresses of this machine that lead to the pods that they select."""

from typing import Any

from s4_devcloud.kubernetes import kinds, selectors
from s4_devcloud.kubernetes.store import Object, Store
from s4_devcloud.kubernetes.workloads import is_ready
from s4_devcloud.machines.doors import Doors, tcp
from s4_devcloud.machines.network import Network

_UNUSED_PORT = 34561


class Services:
    """Opens and shuts what Services promise."""

    def __init__(self, store: Store, network: Network, doors: Doors) -> None:
        self._store, self._network, self._doors = store, network, doors
        self._addresses: dict[str, str] = {}
        self._open: dict[str, dict[tuple[str, int], tuple[str, int]]] = {}

    def sync(self) -> None:
        """Every address answers as its Service says, and none of a Service that is gone."""
        services = {each["metadata"]["uid"]: each for each in self._store.list(kinds.SERVICE)}
        for uid in self._open.keys() - services.keys():
            self._doors.forget(uid)
            del self._open[uid]
        for uid in self._addresses.keys() - services.keys():
            self._network.give_back(self._addresses.pop(uid))
        for uid, service in services.items():
            if service["spec"]["type"] != "ClusterIP":
                self._serve(uid, service)

    def _serve(self, uid: str, service: Object) -> None:
        fronts = self._fronts(uid, service)
        pod = self._endpoint(service)
        wanted: dict[tuple[str, int], tuple[str, int]] = {}
        for port in service["spec"]["ports"] if pod else []:
            inner = _inner_port(port["targetPort"], pod)
            if _is_let_in(self._store.list(kinds.NETWORK_POLICY, service["metadata"]["namespace"]), pod, inner):
                wanted |= dict.fromkeys(_places(fronts, service, port), (pod["status"]["podIP"], inner))
        now = self._open.setdefault(uid, {})
        for front in [front for front, back in now.items() if wanted.get(front) != back]:
            self._doors.shut(uid, tcp(*front))
            del now[front]
        for front, back in wanted.items():
            if front not in now:
                self._doors.open(uid, tcp(*front), tcp(*back))
                now[front] = back

    def _fronts(self, uid: str, service: Object) -> list[str]:
        if service["spec"]["type"] == "NodePort":
            nodes = self._store.list(kinds.NODE)
            return [
                each["address"]
                for node in nodes
                for each in node["status"]["addresses"]
                if each["type"] == "ExternalIP"
            ]
        if uid not in self._addresses:
            self._addresses[uid] = self._network.take(_UNUSED_PORT)
        self._store.update_status(kinds.SERVICE, service, loadBalancer={"ingress": [{"ip": self._addresses[uid]}]})
        return [self._addresses[uid]]

    def _endpoint(self, service: Object) -> Any:
        """A pod that the Service leads to."""
        selector, takes_all = service["spec"].get("selector"), service["spec"].get("publishNotReadyAddresses")
        for pod in self._store.list(kinds.POD, service["metadata"]["namespace"]):
            is_meant = bool(selector) and selector.items() <= pod["metadata"]["labels"].items()
            if is_meant and pod.get("status", {}).get("podIP") and (takes_all or is_ready(pod)):
                return pod
        return None


def _places(fronts: list[str], service: Object, port: Object) -> list[tuple[str, int]]:
    outer = port["nodePort"] if service["spec"]["type"] == "NodePort" else port["port"]
    return [(address, outer) for address in fronts]


def _inner_port(target: int | str, pod: Object) -> int:
    if isinstance(target, int):
        return target
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    return next(int(port["containerPort"]) for port in ports if port.get("name") == target)


def _is_let_in(policies: list[Object], pod: Object, port: int) -> bool:
    """Whether the namespace's policies let somebody in at this port; from where is not looked at."""
    judging = [
        policy["spec"]
        for policy in policies
        if "Ingress" in policy["spec"].get("policyTypes", ["Ingress"])
        and selectors.matches(policy["spec"]["podSelector"], pod["metadata"]["labels"])
    ]
    rules = [rule for spec in judging for rule in spec.get("ingress", [])]
    return not judging or any(
        not rule.get("ports") or any(each.get("port") == port for each in rule["ports"]) for rule in rules
    )

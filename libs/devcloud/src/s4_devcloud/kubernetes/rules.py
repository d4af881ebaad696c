"""What no schema says: names, what may not change, ports that are taken."""

import base64
import binascii
import re
from collections.abc import Callable

from s4_devcloud.kubernetes import kinds, selectors
from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.problems import Refused, invalid
from s4_devcloud.kubernetes.store import Object, Store

_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_FREE_IN_SET = {"replicas", "ordinals", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"}
_SET_MESSAGE = "updates to statefulset spec for fields other than 'replicas', 'template', … are forbidden"


def check(kind: Kind, live: Object | None, written: Object) -> None:
    """Raise Refused for an object that cannot be, or cannot become this."""
    name, labels = written["metadata"]["name"], written["metadata"].get("labels", {})
    what = f'{kind.name} "{name}"'
    shape = _LABEL_NAME if kind in {kinds.NAMESPACE, kinds.SERVICE} else _SUBDOMAIN
    is_named_freely = kind.group == kinds.ROLE.group
    if not is_named_freely and not shape.fullmatch(name):
        raise invalid(
            what, ("metadata.name", "a lowercase RFC 1123 name must consist of lower case letters, digits, -")
        )
    for key, value in labels.items():
        if not _LABEL_VALUE.fullmatch(value):
            raise invalid(
                what, (f"metadata.labels.{key}", "a valid label must be an empty string or at most 63 characters")
            )
    judged = _RULES.get(kind.resource)
    if judged is not None:
        judged(what, live, written)


def _secret(what: str, live: Object | None, written: Object) -> None:
    for value in written.get("data", {}).values():
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            raise Refused(400, f"{what}: illegal base64 data") from None
    if live is not None and live.get("immutable") and live.get("data") != written.get("data"):
        raise invalid(what, ("data", "field is immutable when `immutable` is set"))
    if live is not None and live["type"] != written["type"]:
        raise invalid(what, ("type", "field is immutable"))


def _stateful_set(what: str, live: Object | None, written: Object) -> None:
    spec = written["spec"]
    if not selectors.matches(spec["selector"], spec["template"]["metadata"].get("labels", {})):
        raise invalid(what, ("spec.template.metadata.labels", "`selector` does not match template `labels`"))
    if spec["template"]["spec"]["restartPolicy"] != "Always":
        raise invalid(what, ("spec.template.spec.restartPolicy", 'supported values: "Always"'))
    if live is not None:
        fixed = [{key: value for key, value in of["spec"].items() if key not in _FREE_IN_SET} for of in (live, written)]
        if fixed[0] != fixed[1]:
            raise invalid(what, ("spec", _SET_MESSAGE))


def _deployment(what: str, live: Object | None, written: Object) -> None:
    spec = written["spec"]
    if not selectors.matches(spec["selector"], spec["template"]["metadata"].get("labels", {})):
        raise invalid(what, ("spec.template.metadata.labels", "`selector` does not match template `labels`"))
    if live is not None and live["spec"]["selector"] != spec["selector"]:
        raise invalid(what, ("spec.selector", "field is immutable"))


def _job(what: str, live: Object | None, written: Object) -> None:
    if written["spec"]["template"]["spec"].get("restartPolicy") not in {"Never", "OnFailure"}:
        raise invalid(what, ("spec.template.spec.restartPolicy", 'supported values: "OnFailure", "Never"'))
    if live is not None and live["spec"]["template"] != written["spec"]["template"]:
        raise invalid(what, ("spec.template", "field is immutable"))


def _binding(what: str, live: Object | None, written: Object) -> None:
    if live is not None and live["roleRef"] != written["roleRef"]:
        raise invalid(what, ("roleRef", "cannot change roleRef"))


def _pod(what: str, live: Object | None, written: Object) -> None:
    if live is not None and live["spec"] != written["spec"]:
        raise invalid(what, ("spec", "pod updates may not change fields other than the image"))


_RULES: dict[str, Callable[[str, Object | None, Object], None]] = {
    kinds.SECRET.resource: _secret,
    kinds.STATEFUL_SET.resource: _stateful_set,
    kinds.DEPLOYMENT.resource: _deployment,
    kinds.JOB.resource: _job,
    kinds.ROLE_BINDING.resource: _binding,
    kinds.CLUSTER_ROLE_BINDING.resource: _binding,
    kinds.POD.resource: _pod,
}


class NodePorts:
    """Which ports of the nodes Services get."""

    def __init__(self, store: Store, lowest: int, highest: int) -> None:
        self._store, self._lowest, self._highest = store, lowest, highest

    def assign(self, service: Object) -> None:
        """Each port of a Service that nodes answer for has one of theirs, the wanted one if it says so."""
        spec, what = service["spec"], f'Service "{service["metadata"]["name"]}"'
        if spec["type"] == "ClusterIP" or (
            spec["type"] == "LoadBalancer" and not spec.get("allocateLoadBalancerNodePorts", True)
        ):
            return
        taken = self._taken_by_others(service)
        for at, port in enumerate(spec.get("ports", [])):
            wanted = port.get("nodePort")
            if wanted in taken:
                raise invalid(what, (f"spec.ports[{at}].nodePort", f"{wanted}: provided port is already allocated"))
            if wanted and not self._lowest <= wanted <= self._highest:
                span = f"the range of valid ports is {self._lowest}-{self._highest}"
                raise invalid(
                    what, (f"spec.ports[{at}].nodePort", f"{wanted}: provided port is not in the valid range. {span}")
                )
            port["nodePort"] = wanted or next(
                free for free in range(self._lowest, self._highest + 1) if free not in taken
            )
            taken.add(port["nodePort"])

    def _taken_by_others(self, service: Object) -> set[int]:
        me = (service["metadata"].get("namespace"), service["metadata"]["name"])
        others = [
            each
            for each in self._store.list(kinds.SERVICE)
            if (each["metadata"]["namespace"], each["metadata"]["name"]) != me
        ]
        return {port["nodePort"] for each in others for port in each["spec"].get("ports", []) if "nodePort" in port}

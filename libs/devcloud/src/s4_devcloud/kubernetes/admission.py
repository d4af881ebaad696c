"""What is judged before an object is stored: its namespace, defaults, limits, quotas, Pod Security and policies."""

from s4_devcloud.kubernetes import defaults, kinds, pod_security, policies, quotas, rules, schema
from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.policies import CONTROLLER, Deed, Policies
from s4_devcloud.kubernetes.problems import Refused, forbidden, invalid
from s4_devcloud.kubernetes.quantities import amount
from s4_devcloud.kubernetes.store import Object, Store


class Admission:
    """Judges objects that are to be stored."""

    def __init__(self, store: Store, ports: rules.NodePorts) -> None:
        self._store, self._ports = store, ports
        self._policies = Policies(store)

    def admit(self, kind: Kind, live: Object | None, written: Object, user: str = CONTROLLER) -> None:
        """The object is complete and may be stored; raises Refused."""
        schema.check(kind, {name: value for name, value in written.items() if name != "status"})
        if live is None and kind.is_namespaced:
            self._require_namespace(kind, written)
        defaults.fill(kind, written)
        rules.check(kind, live, written)
        policies.check(kind, written)
        if kind is kinds.SERVICE:
            self._ports.assign(written)
        if kind is kinds.POD and live is None:
            self._limit(written)
            self._require_security(written)
        if live is None and kind.is_namespaced:
            quotas.require(self._store, kind, written)
        self._policies.require(Deed("CREATE" if live is None else "UPDATE", kind, user, live, written))

    def let_go(self, kind: Kind, live: Object, user: str) -> None:
        """The object may be deleted; raises Refused."""
        self._policies.require(Deed("DELETE", kind, user, live, None))

    def warnings(self, kind: Kind, written: Object) -> list[str]:
        """What the answer warns of: pods of this template would not be let in."""
        if kind not in {kinds.STATEFUL_SET, kinds.DEPLOYMENT, kinds.JOB}:
            return []
        found = pod_security.violations(written["spec"]["template"]["spec"])
        is_watched = self._label(written["metadata"]["namespace"], pod_security.WARN) == pod_security.LEVEL
        return [f'would violate PodSecurity "restricted:latest": {", ".join(found)}'] if found and is_watched else []

    def _require_namespace(self, kind: Kind, written: Object) -> None:
        name, what = written["metadata"]["namespace"], f'{kind.resource} "{written["metadata"]["name"]}"'
        namespace = self._store.get(kinds.NAMESPACE, "", name)
        if namespace is None:
            raise Refused(404, f'namespaces "{name}" not found', details={"name": name, "kind": "namespaces"})
        if "deletionTimestamp" in namespace["metadata"]:
            why = f"unable to create new content in namespace {name} because it is being terminated"
            refused = forbidden(what, why)
            refused.details["causes"] = [{"reason": "NamespaceTerminating", "message": why}]
            raise refused

    def _label(self, namespace: str, name: str) -> str:
        found = self._store.get(kinds.NAMESPACE, "", namespace)
        return str((found or {"metadata": {}})["metadata"].get("labels", {}).get(name, ""))

    def _require_security(self, pod: Object) -> None:
        if self._label(pod["metadata"]["namespace"], pod_security.ENFORCE) != pod_security.LEVEL:
            return
        if found := pod_security.violations(pod["spec"]):
            raise forbidden(
                f'pods "{pod["metadata"]["name"]}"', f'violates PodSecurity "restricted:latest": {", ".join(found)}'
            )

    def _limit(self, pod: Object) -> None:
        """A container gets what the namespace's LimitRange gives, and may not want more than that allows."""
        for each in self._store.list(kinds.LIMIT_RANGE, pod["metadata"]["namespace"]):
            for limit in each["spec"]["limits"]:
                if limit["type"] == "Container":
                    for container in pod["spec"]["containers"]:
                        _limit_container(container, limit, pod["metadata"]["name"])


def _limit_container(container: Object, limit: Object, pod: str) -> None:
    resources = container.setdefault("resources", {})
    for sort, default in (("limits", "default"), ("requests", "defaultRequest")):
        for resource, value in limit.get(default, {}).items():
            resources.setdefault(sort, {}).setdefault(resource, value)
    for resource, most in limit.get("max", {}).items():
        wanted = resources.get("limits", {}).get(resource)
        if wanted is not None and amount(wanted) > amount(most):
            raise forbidden(f'pods "{pod}"', f"maximum {resource} usage per Container is {most}, but limit is {wanted}")


def require_name(kind: Kind, written: Object, namespace: str, name: str) -> None:
    """The object is the one that the path names. Raises Refused."""
    meta = written.setdefault("metadata", {})
    if (written.get("apiVersion"), written.get("kind")) != (kind.api_version, kind.name):
        raise Refused(400, f"the object is not a {kind.api_version} {kind.name}")
    if name and meta.setdefault("name", name) != name:
        raise Refused(400, "the name of the object does not match the name on the URL")
    if not meta.get("name"):
        raise invalid(kind.name, ("metadata.name", "name or generateName is required"))
    if kind.is_namespaced and meta.setdefault("namespace", namespace) != namespace:
        raise Refused(400, "the namespace of the provided object does not match the namespace sent on the request")

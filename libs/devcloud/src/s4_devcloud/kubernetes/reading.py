"""Objects as they are asked for: one, or a list by labels and fields, in pages."""

from collections.abc import Callable, Mapping

from s4_devcloud.kubernetes import selectors
from s4_devcloud.kubernetes.calls import Call
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.store import Object, Store


class Reading:
    """Requests that change nothing. `log_of` reads what a pod has printed."""

    def __init__(self, store: Store, log_of: Callable[[Object], str]) -> None:
        self._store, self._log_of = store, log_of

    def get(self, call: Call) -> Object:
        """The object. Raises Refused (404)."""
        found = self._store.get(call.kind, call.namespace, call.name)
        if found is None:
            raise not_found(call)
        return found

    def log(self, call: Call) -> str:
        """What the pod's container has printed. Raises Refused (404)."""
        return self._log_of(self.get(call))

    def list(self, call: Call, query: Mapping[str, str]) -> Object:
        """The objects that fit the selectors; with a limit, a page and what to ask for the next one."""
        has_labels = selectors.by_labels(query.get("labelSelector", ""))
        has_fields = selectors.by_fields(query.get("fieldSelector", ""))
        found = [
            one
            for one in self._store.list(call.kind, call.namespace or None)
            if has_labels(one["metadata"].get("labels", {})) and has_fields(one)
        ]
        first, limit = int(query.get("continue") or 0), int(query.get("limit") or 0)
        page = found[first : first + limit] if limit else found[first:]
        meta: Object = {"resourceVersion": self._store.version}
        if first + len(page) < len(found):
            meta.update({"continue": str(first + len(page)), "remainingItemCount": len(found) - first - len(page)})
        return {"kind": f"{call.kind.name}List", "apiVersion": call.kind.api_version, "metadata": meta, "items": page}


def not_found(call: Call) -> Refused:
    """There is no such object."""
    details = {"name": call.name, "group": call.kind.group, "kind": call.kind.plural}
    return Refused(404, f'{call.kind.resource} "{call.name}" not found', details=details)

"""Everything that the cluster knows, in memory, each change with a new resource version."""

import asyncio
import copy
import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from s4_devcloud.kubernetes.kinds import Kind

Object = dict[str, Any]


def now(later_seconds: float = 0) -> str:
    """The time, or a later one, as objects say it."""
    return (datetime.now(UTC) + timedelta(seconds=later_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects. What is handed out is a copy; ``changed`` is set after each change."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._versions = itertools.count(1)
        self._objects: dict[tuple[str, str, str], Object] = {}

    @property
    def version(self) -> str:
        """A resource version at which everything is as it is now."""
        return str(next(self._versions))

    def imagined(self) -> "Store":
        """One that begins with the same objects; what is changed there is not changed here."""
        other = Store()
        other._versions = itertools.count(int(self.version))
        other._objects = dict(self._objects)
        return other

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or nothing."""
        return copy.deepcopy(self._objects.get((kind.resource, namespace, name)))

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """The objects of a namespace, or of all, by their names."""
        found = sorted(key for key in self._objects if key[0] == kind.resource and namespace in {None, key[1]})
        return [copy.deepcopy(self._objects[key]) for key in found]

    def create(self, kind: Kind, made: Object) -> Object:
        """The object is there, with what only the server can say of it."""
        meta = made["metadata"]
        meta.update(uid=str(uuid.uuid4()), creationTimestamp=now())
        if "spec" in made:
            meta["generation"] = 1
        return self.put(kind, made)

    def put(self, kind: Kind, changed: Object) -> Object:
        """The object is as given."""
        changed["metadata"]["resourceVersion"] = self.version
        self._objects[self._key(kind, changed)] = copy.deepcopy(changed)
        self.changed.set()
        return copy.deepcopy(changed)

    def update_status(self, kind: Kind, seen: Object, **status: Any) -> None:
        """The object's status says this, if the object is still there; nothing changes when it said so before."""
        live = self._objects.get(self._key(kind, seen))
        if live is None or live["metadata"]["uid"] != seen["metadata"]["uid"]:
            return
        wanted = {**live.get("status", {}), **status}
        if wanted != live.get("status"):
            self.put(kind, {**copy.deepcopy(live), "status": wanted})

    def remove(self, kind: Kind, gone: Object) -> None:
        """The object is not there any more."""
        if self._objects.pop(self._key(kind, gone), None):
            self.changed.set()

    @staticmethod
    def _key(kind: Kind, of: Object) -> tuple[str, str, str]:
        return (kind.resource, of["metadata"].get("namespace", ""), of["metadata"]["name"])

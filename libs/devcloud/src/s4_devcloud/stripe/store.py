"""Everything this Stripe knows, in memory, changed one whole transaction at a time."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.index import Index
from s4_devcloud.stripe.problems import Problem, no_such
from s4_devcloud.stripe.wire import API_VERSION, Wire, copied, new_id


@dataclass(frozen=True)
class Cause:
    """The API request that led to a change; both are None for what a person did on a page or time did by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


class Store:
    """Objects by kind and identifier, in the order in which they were created."""

    def __init__(self, clock: Clock, public_url: str) -> None:
        self._clock = clock
        self._public_url = public_url
        self._objects: dict[str, dict[str, Wire]] = {}
        self._index = Index()
        self._listeners: list[Callable[[Wire], None]] = []
        self._watchers: list[Callable[[Wire], None]] = []

    def on_event(self, listener: Callable[[Wire], None]) -> None:
        """Call `listener` with each event, after the change that it tells of can be read."""
        self._listeners.append(listener)

    def on_change(self, watcher: Callable[[Wire], None]) -> None:
        """Call `watcher` with each object that was created or replaced. It must not change what it is given."""
        self._watchers.append(watcher)

    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY, now: int | None = None) -> Iterator["Transaction"]:
        """All of the block's changes and events, or none when it raises. The block must not await.

        A Problem that keeps what was done is raised on after the commit. `now` is for what was due earlier.
        """
        moment = self._clock.now() if now is None else now
        change = Transaction(self._objects, self._index, moment, self._public_url)
        refusal: Problem | None = None
        try:
            yield change
        except Problem as problem:
            if not problem.keeps_changes:
                raise
            refusal = problem
        self._commit(change, cause)
        if refusal is not None:
            raise refusal

    def _commit(self, change: "Transaction", cause: Cause) -> None:
        events = change.events(cause)
        if events:
            change.staged["event"] = {event["id"]: event for event in events}
        for kind, rows in change.staged.items():
            self._objects.setdefault(kind, {}).update(rows)
            for row in rows.values():
                self._index.note(row)
                for watcher in self._watchers:
                    watcher(row)
        for event in events:
            for listener in self._listeners:
                listener(copied(event))

    def counts(self) -> dict[str, int]:
        """How many objects of each kind there are."""
        kinds = [(kind, rows) for kind, rows in sorted(self._objects.items()) if not kind.startswith("_")]
        return {kind: sum(not is_deleted(row) for row in rows.values()) for kind, rows in kinds}

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()
        self._index.clear()


def is_deleted(thing: Wire) -> bool:
    """Whether only the name is left of an object."""
    return thing.get("deleted") is True


class Transaction:
    """A view of the store with this block's own changes on top. What it hands out are copies."""

    def __init__(self, committed: dict[str, dict[str, Wire]], index: Index, now: int, public_url: str) -> None:
        self.now = now
        self.public_url = public_url  # where browsers find the pages
        self.staged: dict[str, dict[str, Wire]] = {}
        self._committed = committed
        self._index = index
        self._told: list[tuple[str, Wire, Wire | None]] = []

    def get(self, kind: str, name: str) -> Wire | None:
        """The object, or None."""
        found = self.staged.get(kind, {}).get(name) or self._committed.get(kind, {}).get(name)
        return copied(found)

    def need(self, kind: str, name: str, param: str = "id", status: int = 404) -> Wire:
        """The object. Raises Problem resource_missing: status 404 for a name in the path, 400 in a parameter."""
        found = self.get(kind, name)
        if found is None or is_deleted(found):
            raise no_such(kind, name, param, status)
        return found

    def newest_first(self, kind: str, **reference: str) -> list[Wire]:
        """All objects of the kind that are not deleted, not copied: take what is to be changed by `get`.

        With references, such as customer="cus_…", only those that have them; the names are those of index.FIELDS.
        """
        committed, staged = self._committed.get(kind, {}), self.staged.get(kind, {})
        for field, value in reference.items():
            committed = {name: committed[name] for name in self._index.names(kind, field, value) if name in committed}
        rows = {**committed, **staged} if staged else committed
        return [
            row
            for row in reversed(rows.values())
            if not is_deleted(row) and all(row.get(field) == value for field, value in reference.items())
        ]

    def put(self, thing: Wire) -> Wire:
        """Create or replace the object; returns it."""
        self.staged.setdefault(str(thing["object"]), {})[str(thing["id"])] = copied(thing)
        return thing

    def delete(self, thing: Wire) -> Wire:
        """Leave only the object's name; returns what is left, which `get` still finds and `need` does not."""
        return self.put({"id": thing["id"], "object": thing["object"], "deleted": True})

    def tell(self, event_type: str, thing: Wire, previous: Wire | None = None) -> None:
        """Emit an event with the object as it is now, once this transaction has committed."""
        self._told.append((event_type, copied(thing), copied(previous)))

    def events(self, cause: Cause) -> list[Wire]:
        """The event objects of what was told."""
        return [self._event(cause, *told) for told in self._told]

    def _event(self, cause: Cause, event_type: str, thing: Wire, previous: Wire | None) -> Wire:
        data: Wire = {"object": thing}
        if previous is not None:
            data["previous_attributes"] = previous
        return {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
            "type": event_type,
        }

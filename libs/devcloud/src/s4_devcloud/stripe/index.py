"""Which objects name which other object, so that few need not be looked for among many."""

from s4_devcloud.stripe.wire import Wire

FIELDS = ("customer", "payment_intent", "charge", "invoice")
"""The references that are looked for."""


class Index:
    """The names of all objects by what they refer to or once referred to, in the order of their creation."""

    def __init__(self) -> None:
        self._order: dict[tuple[str, str], int] = {}
        self._names: dict[tuple[str, str, str], set[str]] = {}

    def note(self, thing: Wire) -> None:
        """Remember an object that was created or replaced."""
        kind, name = str(thing["object"]), str(thing["id"])
        self._order.setdefault((kind, name), len(self._order))
        for field in FIELDS:
            value = thing.get(field)
            if isinstance(value, str):
                self._names.setdefault((kind, field, value), set()).add(name)

    def names(self, kind: str, field: str, value: str) -> list[str]:
        """The names of those that have the value in the field, or had it."""
        found = self._names.get((kind, field, value), set())
        return sorted(found, key=lambda name: self._order[kind, name])

    def clear(self) -> None:
        """Forget everything."""
        self._order.clear()
        self._names.clear()

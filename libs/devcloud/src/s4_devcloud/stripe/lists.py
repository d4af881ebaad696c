"""Lists as Stripe pages them: newest first, cursors by identifier, 1 to 100 at a time."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.index import FIELDS
from s4_devcloud.stripe.problems import invalid, no_such
from s4_devcloud.stripe.wire import Wire, copied, reference

_DEFAULT, _MOST = 10, 100
_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def listing(url: str, rows: list[Wire], *, has_more: bool = False) -> Wire:
    """A list object."""
    return {"object": "list", "data": copied(rows), "has_more": has_more, "url": url}


def page(call: Call, kind: str, url: str, *only: Callable[[Wire], bool]) -> Wire:
    """The asked page of all objects of the kind for which every condition holds."""
    found = {holds.name: holds.wanted for holds in only if isinstance(holds, _Same) and holds.is_indexed}
    rows = [row for row in call.tx.newest_first(kind, **found) if all(holds(row) for holds in (_created(call), *only))]
    return page_of(call, rows, kind, url)


def page_of(call: Call, rows: list[Wire], kind: str, url: str) -> Wire:
    """The asked page of these rows."""
    limit = call.params.get("limit", _DEFAULT)
    if not 1 <= limit <= _MOST:
        raise invalid(f"Limit must be between 1 and {_MOST}.", "limit")
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after is not None and before is not None:
        raise invalid("You cannot parameterize both starting_after and ending_before.", "starting_after")
    if before is not None:
        newer = rows[: _position(rows, kind, before, "ending_before")]
        return listing(url, newer[-limit:], has_more=len(newer) > limit)
    if after is not None:
        rows = rows[_position(rows, kind, after, "starting_after") + 1 :]
    return listing(url, rows[:limit], has_more=len(rows) > limit)


def _position(rows: list[Wire], kind: str, name: str, param: str) -> int:
    for index, row in enumerate(rows):
        if row["id"] == name:
            return index
    raise no_such(kind, name, param, 400)


def _created(call: Call) -> Callable[[Wire], bool]:
    wanted = call.params.get("created")
    return lambda row: wanted is None or within(row["created"], wanted)


def within(moment: int, wanted: int | dict[str, int]) -> bool:
    """Whether a time equals the wanted one, or lies in the wanted range."""
    if isinstance(wanted, int):
        return moment == wanted
    return all(_COMPARE[word](moment, bound) for word, bound in wanted.items())


def same(call: Call, name: str) -> Callable[[Wire], bool]:
    """The condition that a field equals the parameter of its name, when that was sent."""
    return _Same(name, call.params.get(name))


@dataclass(frozen=True)
class _Same:
    """A field's value, None for any."""

    name: str
    wanted: Any

    @property
    def is_indexed(self) -> bool:
        """Whether the store finds by this without looking at everything."""
        return self.name in FIELDS and isinstance(self.wanted, str)

    def __call__(self, row: Wire) -> bool:
        """Whether it holds."""
        value = row[self.name] if self.wanted is not None else None
        return bool((reference(value) if isinstance(self.wanted, str) else value) == self.wanted)

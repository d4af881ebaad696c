"""What time will do by itself, and when: the earliest is found without looking at everything that exists."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from s4_devcloud.stripe.store import Store, Transaction
from s4_devcloud.stripe.wire import Wire


@dataclass(frozen=True)
class Entry:
    """What becomes of one kind of object.

    `due` is the next moment at which time changes the object, None for never. `act` makes that change, in a
    transaction whose `now` is that moment; afterwards the object is due later or never.
    """

    due: Callable[[Wire], int | None]
    act: Callable[[Transaction, Wire], None]


class Agenda:
    """Lets time act on the objects of a store, each at its own moment and in the order of the moments."""

    def __init__(self, store: Store, timetable: Mapping[str, Entry]) -> None:
        self._store = store
        self._timetable = timetable
        self._heap: list[tuple[int, int, str, str]] = []
        self._noted = 0
        store.on_change(self._note)

    def catch_up(self, now: int) -> None:
        """Everything that was due up to `now` has happened, and what followed from it too.

        What cannot happen, because of a mistake in this stand-in, stays due: nothing goes on until it is mended.
        """
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            happened = False
            try:
                self._let_happen(*entry)
                happened = True
            finally:
                if not happened:
                    heapq.heappush(self._heap, entry)

    def _let_happen(self, moment: int, _: int, kind: str, name: str) -> None:
        with self._store.transaction(now=moment) as tx:
            thing = tx.get(kind, name)
            if thing is not None and self._due(thing) == moment:
                self._timetable[kind].act(tx, thing)

    def clear(self) -> None:
        """Nothing is due."""
        self._heap.clear()

    def _note(self, thing: Wire) -> None:
        moment = self._due(thing)
        if moment is not None:
            self._noted += 1
            heapq.heappush(self._heap, (moment, self._noted, str(thing["object"]), str(thing["id"])))

    def _due(self, thing: Wire) -> int | None:
        entry = self._timetable.get(str(thing["object"]))
        return None if entry is None or thing.get("deleted") else entry.due(thing)

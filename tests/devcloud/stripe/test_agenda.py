import pytest

from s4_devcloud.stripe.agenda import Agenda, Entry
from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.store import Store, Transaction
from s4_devcloud.stripe.wire import Wire


class Bells:
    """Things that ring at their times, and note when they did."""

    def __init__(self) -> None:
        self.store = Store(Clock(), "http://nowhere.test")
        self.rung: list[tuple[str, int]] = []
        self.is_broken = False
        self.agenda = Agenda(self.store, {"bell": Entry(lambda bell: bell["next"], self._ring)})

    def hang(self, name: str, *times: int) -> None:
        with self.store.transaction() as tx:
            tx.put({"id": name, "object": "bell", "next": times[0] if times else None, "later": list(times[1:])})

    def _ring(self, tx: Transaction, bell: Wire) -> None:
        self.rung.append((bell["id"], tx.now))
        if self.is_broken:
            raise RuntimeError("broken")
        later = bell["later"]
        tx.put({**bell, "next": later[0] if later else None, "later": later[1:]})


def test_everything_happens_in_the_order_of_its_moments_each_at_its_own() -> None:
    bells = Bells()
    bells.hang("a", 10, 30)
    bells.hang("b", 20, 20, 40)
    bells.agenda.catch_up(30)
    assert bells.rung == [("a", 10), ("b", 20), ("b", 20), ("a", 30)]


def test_what_was_put_off_or_called_off_does_not_happen_at_its_old_moment() -> None:
    bells = Bells()
    bells.hang("a", 10)
    bells.hang("a", 50)
    bells.hang("b", 10)
    bells.hang("b")
    bells.agenda.catch_up(20)
    assert bells.rung == []
    bells.agenda.catch_up(50)
    assert bells.rung == [("a", 50)]


def test_what_fails_stays_due_and_keeps_its_order() -> None:
    bells = Bells()
    bells.hang("a", 10)
    bells.hang("b", 20)
    bells.is_broken = True
    for _ in range(2):
        with pytest.raises(RuntimeError):
            bells.agenda.catch_up(30)
    bells.is_broken = False
    bells.agenda.catch_up(30)
    assert bells.rung == [("a", 10), ("a", 10), ("a", 10), ("b", 20)]


def test_nothing_is_due_any_more_after_a_fresh_start() -> None:
    bells = Bells()
    bells.hang("a", 10)
    bells.agenda.clear()
    bells.agenda.catch_up(20)
    assert bells.rung == []

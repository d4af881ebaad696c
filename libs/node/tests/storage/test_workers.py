"""The threads that wait for S3: nobody starves, nothing is lost, and they end."""

import threading
import time
from collections.abc import Callable, Iterator
from threading import Event

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from s4_node.workers import Lane, Stopped, Workers
from support.spinning import reactor, spin, turns, until

NewWorkers = Callable[[int], Workers]


@pytest.fixture
def new_workers() -> Iterator[NewWorkers]:
    """Workers that are stopped after the test."""
    made: list[Workers] = []

    def new(threads: int) -> Workers:
        made.append(Workers(threads, reactor=reactor))
        made[-1].start()
        return made[-1]

    yield new
    for workers in made:
        spin(workers.stop(0.1))


class Work:
    """Calls that say that they began, and end when they are let go."""

    def __init__(self) -> None:
        self.began: list[object] = []
        self.may_end = Event()

    def call(self, name: object) -> object:
        self.began.append(name)
        assert self.may_end.wait(10)
        return name

    def held(self, lane: Lane, name: object) -> "Deferred[object]":
        return lane.call(self.call, name)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_end.set()


def test_an_answer_comes_in_the_reactors_thread(new_workers: NewWorkers) -> None:
    lane = new_workers(2).lane("grid", 2)
    threads: list[threading.Thread] = []
    called = lane.call(threading.current_thread)
    called.addCallback(lambda thread: threads.extend([thread, threading.current_thread()]))
    spin(called)
    assert threads[0] is not threading.current_thread()
    assert threads[1] is threading.current_thread()


def test_an_error_is_the_callers(new_workers: NewWorkers) -> None:
    lane = new_workers(1).lane("grid", 1)
    with pytest.raises(ZeroDivisionError):
        spin(lane.call(divmod, 1, 0))
    assert spin(lane.call(divmod, 7, 2)) == (3, 1)


def test_a_grid_with_a_thousand_slow_calls_does_not_keep_another_from_the_next_thread(new_workers: NewWorkers) -> None:
    workers = new_workers(1)
    busy, other = workers.lane("busy", 1), workers.lane("other", 1)
    order: list[object] = []

    def slowly(name: object) -> None:
        time.sleep(0.001)
        order.append(name)

    thousand = [busy.call(slowly, number) for number in range(1000)]
    spin(other.call(slowly, "other"))
    assert order.index("other") <= 1
    assert busy.waiting > 900
    for call in thousand:
        call.cancel()
        call.addErrback(lambda failure: failure.trap(CancelledError))
    assert busy.waiting == 0


def test_three_grids_take_turns(new_workers: NewWorkers, work: Work) -> None:
    workers = new_workers(1)
    lanes = [workers.lane(name, 1) for name in "abc"]
    called = [work.held(lane, f"{lane.name}{number}") for lane in lanes for number in range(3)]
    work.may_end.set()
    spin(gatherResults(called))
    assert work.began == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_a_lane_has_no_more_calls_on_their_way_than_it_may(new_workers: NewWorkers, work: Work) -> None:
    lane = new_workers(8).lane("grid", 3)
    called = [work.held(lane, number) for number in range(10)]
    until(lambda: len(work.began) == 3)
    turns()
    assert ({*work.began}, lane.running, lane.waiting) == ({0, 1, 2}, 3, 7)
    work.may_end.set()
    assert spin(gatherResults(called)) == list(range(10))
    assert (lane.running, lane.waiting) == (0, 0)


def test_grids_to_which_s3_does_not_answer_leave_threads_to_the_others(new_workers: NewWorkers, work: Work) -> None:
    workers = new_workers(8)
    silent = [workers.lane(f"silent-{number}", 4) for number in range(2)]
    for lane in silent:
        for number in range(10):
            work.held(lane, number).addErrback(lambda _: None)
    until(lambda: len(work.began) == 6)
    assert spin(workers.lane("well", 4).call(divmod, 7, 2)) == (3, 1)
    assert workers.running == 6


def test_what_somebody_waits_for_comes_before_what_is_read_ahead(new_workers: NewWorkers, work: Work) -> None:
    lane = new_workers(1).lane("grid", 1)
    called = [work.held(lane, "first")]
    called += [lane.call_unhurried(work.call, name) for name in ("ahead-1", "ahead-2", "ahead-3")]
    called.append(work.held(lane, "awaited"))
    lane.hurry(called[2])  # somebody has come to wait for it
    lane.hurry(called[0])  # it has begun: that changes nothing
    work.may_end.set()
    spin(gatherResults(called))
    assert work.began == ["first", "awaited", "ahead-2", "ahead-1", "ahead-3"]


def test_a_cancelled_call_is_not_made(new_workers: NewWorkers, work: Work) -> None:
    lane = new_workers(1).lane("grid", 1)
    calls = [work.held(lane, name) for name in ("first", "cancelled", "last")]
    calls[1].cancel()
    work.may_end.set()
    spin(calls[2])
    assert work.began == ["first", "last"]
    with pytest.raises(CancelledError):
        spin(calls[1])


def test_a_call_that_is_cancelled_while_it_runs_keeps_its_place_until_it_ends(
    new_workers: NewWorkers, work: Work
) -> None:
    lane = new_workers(4).lane("grid", 1)
    first, second = work.held(lane, "first"), work.held(lane, "second")
    until(lambda: work.began == ["first"])
    first.cancel()
    with pytest.raises(CancelledError):
        spin(first)
    turns()
    assert work.began == ["first"]
    work.may_end.set()
    assert spin(second) == "second"


def test_a_closed_lane_fails_what_waits_and_answers_what_runs(new_workers: NewWorkers, work: Work) -> None:
    workers = new_workers(4)
    lane, other = workers.lane("grid", 1), workers.lane("other", 1)
    running, waiting = work.held(lane, "running"), work.held(lane, "waiting")
    until(lambda: work.began == ["running"])
    lane.close()
    lane.close()
    assert workers.lanes == (other,)
    for refused in (waiting, work.held(lane, "late"), lane.call_unhurried(work.call, "late")):
        with pytest.raises(Stopped):
            spin(refused)
    work.may_end.set()
    assert spin(running) == "running"
    assert work.began == ["running"]
    assert spin(other.call(divmod, 7, 2)) == (3, 1)


def test_who_is_answered_may_ask_again_at_once(new_workers: NewWorkers) -> None:
    lane = new_workers(1).lane("grid", 1)

    async def counting() -> int:
        total = 0
        for number in range(100):
            total += await lane.call(int, number)
        return total

    assert spin(counting()) == 4950


def test_how_long_calls_waited_is_told(work: Work) -> None:
    told: list[tuple[str, float]] = []
    workers = Workers(1, reactor=reactor, began=lambda lane, waited: told.append((lane, waited)))
    lane = workers.lane("grid", 1)
    calls = [work.held(lane, number) for number in range(2)]
    assert (told, lane.waiting) == ([], 2)  # calls wait for the start
    workers.start()
    until(lambda: len(told) == 1)
    began = reactor.seconds()
    until(lambda: reactor.seconds() > began + 0.05)
    work.may_end.set()
    spin(gatherResults(calls))
    assert [lane for lane, _ in told] == ["grid", "grid"]
    assert 0 <= told[0][1] < told[1][1]
    assert told[1][1] > 0.05
    spin(workers.stop())


def test_stopping_fails_what_waits_answers_what_runs_and_ends_the_threads(work: Work) -> None:
    before = threading.active_count()
    workers = Workers(2, reactor=reactor)
    workers.start()
    lane = workers.lane("grid", 2)
    calls = [work.held(lane, number) for number in range(5)]
    until(lambda: len(work.began) == 2)
    stopped = workers.stop()
    assert workers.stop() is stopped
    for waiting in calls[2:]:
        with pytest.raises(Stopped):
            spin(waiting)
    turns()
    assert not stopped.called
    work.may_end.set()
    spin(stopped)
    assert [spin(call) for call in calls[:2]] == [0, 1]
    until(lambda: threading.active_count() <= before)
    with pytest.raises(Stopped):
        spin(lane.call(divmod, 7, 2))


def test_stopping_does_not_wait_for_ever(work: Work) -> None:
    workers = Workers(2, reactor=reactor)
    workers.start()
    hanging = work.held(workers.lane("grid", 2), "hanging")
    until(lambda: work.began == ["hanging"])
    spin(workers.stop(patience=0.05), seconds=5)
    with pytest.raises(Stopped):
        spin(hanging)


def test_workers_that_never_started_stop_too() -> None:
    workers = Workers(2, reactor=reactor)
    called = workers.lane("grid", 2).call(divmod, 7, 2)
    spin(workers.stop())
    with pytest.raises(Stopped):
        spin(called)

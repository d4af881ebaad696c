"""Memory for blocks: never more than the budget, what is on its way included, and nobody waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_node.storage.cache import BlockName, Cache, GridCache
from s4_node.workers import Stopped


def name(number: int, key: str = "a") -> BlockName:
    return BlockName(key, '"e"', number)


def fill(grid: GridCache, *blocks: int, size: int = 10) -> None:
    for number in blocks:
        assert grid.take_room(size)
        grid.keep(size, {name(number): b"x" * size})


def held(grid: GridCache, most: int = 100) -> list[int]:
    return [number for number in range(most) if name(number) in grid]


def test_the_block_that_was_unused_for_longest_goes_first() -> None:
    grid = Cache(30).for_grid("a", 30)
    fill(grid, 0, 1, 2)
    assert grid.get(name(0)) == b"x" * 10
    fill(grid, 3)
    assert held(grid) == [0, 2, 3]
    assert grid.used == 30


def test_a_grid_stays_under_its_cap_though_the_process_has_room() -> None:
    cache = Cache(1000)
    grid = cache.for_grid("a", 20)
    fill(grid, *range(5))
    assert held(grid) == [3, 4]
    assert cache.used == 20


def test_the_grid_that_holds_most_gives_way() -> None:
    cache = Cache(50)
    busy, quiet = cache.for_grid("busy", 40), cache.for_grid("quiet", 40)
    fill(quiet, 0)
    fill(busy, *range(4))
    fill(busy, 4, 5)
    fill(quiet, 1)
    assert held(quiet) == [0, 1]
    assert held(busy) == [3, 4, 5]
    assert cache.used == 50


def test_what_is_on_its_way_counts_and_is_not_given_up() -> None:
    cache = Cache(30)
    grid, other = cache.for_grid("a", 30), cache.for_grid("b", 30)
    fill(grid, 0)
    assert grid.take_room(20)
    assert grid.take_room(10)  # block 0 made room
    assert not grid.take_room(1)
    assert not other.take_room(1)
    assert (held(grid), cache.used) == ([], 30)


def test_room_comes_when_something_arrives_or_does_not() -> None:
    grid = Cache(20).for_grid("a", 20)
    assert grid.take_room(10)
    assert grid.take_room(10)
    waiting = [grid.room(10) for _ in range(3)]
    assert not waiting[0].called
    grid.keep(10, {name(0): b"x" * 10})
    assert [one.called for one in waiting] == [True, False, False]
    assert held(grid) == []  # it had to go again, but was handed over before
    grid.give_back(10)
    assert [one.called for one in waiting] == [True, True, False]
    assert grid.used == 20


def test_a_grid_at_its_cap_keeps_no_other_waiting() -> None:
    cache = Cache(40)
    capped, other = cache.for_grid("capped", 10), cache.for_grid("other", 40)
    assert capped.take_room(10)
    assert other.take_room(30)
    waiting, next_in_line = capped.room(10), other.room(5)
    other.give_back(30)
    assert (waiting.called, next_in_line.called) == (False, True)
    capped.give_back(10)
    assert waiting.called


def test_a_closed_grid_gives_all_back_and_whoever_waits_for_it_is_told() -> None:
    cache = Cache(40)
    closing, other = cache.for_grid("closing", 40), cache.for_grid("other", 40)
    fill(closing, 0, 1)
    assert closing.take_room(20)
    waiting, others = closing.room(30), other.room(25)
    assert held(closing) == [0, 1]  # giving them up would not have been enough
    closing.close()
    refused = [one.addErrback(lambda failure: failure.type).result for one in (waiting, closing.room(1))]
    assert refused == [Stopped, Stopped]
    assert not others.called
    closing.keep(20, {name(2): b"x" * 20})  # it arrives after all
    assert others.called
    closing.close()
    assert (closing.used, cache.used, cache.grids) == (0, 25, (other,))


def test_hits_and_misses_are_counted() -> None:
    grid = Cache(100).for_grid("a", 100)
    fill(grid, 0)
    assert [grid.get(name(number)) for number in (0, 1, 0)] == [b"x" * 10, None, b"x" * 10]
    assert (grid.hits, grid.misses) == (2, 1)


STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["ask", "keep", "fail"]), st.integers(1, 8)))


@given(STEPS)
def test_whatever_happens_the_limits_hold_and_everybody_gets_room_in_the_end(
    steps: list[tuple[str, str, int]],
) -> None:
    cache = Cache(20)
    grids = {"a": cache.for_grid("a", 10), "b": cache.for_grid("b", 15)}
    coming: dict[str, list[int]] = {"a": [], "b": []}
    asked = got = 0

    def arrive(grid: str, *, kept: bool) -> None:
        size = coming[grid].pop(0)
        if kept:
            grids[grid].keep(size, {name(asked, grid): bytes(size)})
        else:
            grids[grid].give_back(size)

    def have(_: None, grid: str, size: int) -> None:
        nonlocal got
        got += 1
        coming[grid].append(size)

    for grid, step, size in steps:
        if step == "ask":
            asked += 1
            grids[grid].room(size).addCallback(have, grid, size)
        elif coming[grid]:
            arrive(grid, kept=step == "keep")
        assert cache.used == sum(one.used for one in grids.values()) <= 20
        assert all(one.used <= one.cap for one in grids.values())
        assert all(grids[grid].coming == sum(sizes) for grid, sizes in coming.items())
    while coming["a"] or coming["b"]:
        arrive("a" if coming["a"] else "b", kept=False)
    assert got == asked


@pytest.mark.parametrize("budget", [5, 50])
def test_a_cap_is_never_more_than_the_budget(budget: int) -> None:
    assert Cache(budget).for_grid("a", 20).cap == min(20, budget)

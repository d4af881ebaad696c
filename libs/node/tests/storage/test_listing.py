"""Which shares there are: asked once, remembered for a moment, and never so that a client loses something by it."""

import pytest
from twisted.internet.task import Clock

from doubles.by_hand import HandLane, MemoryBucket, objects
from s4_node.s3.errors import Unavailable
from s4_node.storage import layout
from s4_node.storage.listing import Listings, Shares
from support.stats import a_stat

SI, OTHER = b"0123456789abcdef", b"fedcba9876543210"


class Grid:
    """Listings of a bucket in the test's hand."""

    def __init__(self) -> None:
        self.bucket, self.lane, self.clock = MemoryBucket(), HandLane(), Clock()
        self.clock.advance(1000)
        self.listings = Listings(objects(self.bucket, self.lane), self.clock)

    def write(self, *numbers: int) -> None:
        """Somebody else writes shares."""
        for number in numbers:
            self.bucket.objects[layout.share(SI, number)] = b"a share"

    def of(self) -> list[int]:
        """The numbers, with whatever request it takes."""
        answer = self.listings.of(SI)
        self.lane.let()
        return numbers(answer.result)

    def fresh(self, within: float = 1.0) -> list[int]:
        answer = self.listings.fresh(SI, within)
        self.lane.let()
        return numbers(answer.result)

    @property
    def lists(self) -> int:
        return len(self.bucket.asked)


@pytest.fixture
def grid() -> Grid:
    return Grid()


def numbers(shares: Shares) -> list[int]:
    return sorted(shares)


def test_shares_are_listed_by_number_with_what_reading_needs(grid: Grid) -> None:
    grid.write(0, 10)
    grid.bucket.objects[layout.share(OTHER, 3)] = b"of another"
    grid.bucket.objects[layout.shares_of(SI) + "not-a-share"] = b"?"
    answer = grid.listings.of(SI)
    grid.lane.let()
    assert answer.result == {number: grid.bucket.stat(layout.share(SI, number)) for number in (0, 10)}
    assert grid.bucket.asked == [f"list {layout.shares_of(SI)}"]


def test_questions_at_the_same_time_are_one_request(grid: Grid) -> None:
    grid.write(0)
    answers = [grid.listings.of(SI) for _ in range(5)]
    grid.lane.let()
    assert [numbers(answer.result) for answer in answers] == [[0]] * 5
    assert grid.lists == 1


def test_what_one_asker_does_with_its_answer_is_not_the_others_business(grid: Grid) -> None:
    grid.write(0)
    answers = [grid.listings.of(SI) for _ in range(3)]
    answers[0].cancel()
    answers[0].addErrback(lambda _: None)
    answers[1].addCallback(lambda shares: shares.clear())
    grid.lane.let()
    assert numbers(answers[2].result) == [0]
    assert grid.of() == [0]


def test_a_listing_is_remembered_for_half_a_minute(grid: Grid) -> None:
    grid.write(0)
    assert grid.of() == [0]
    grid.write(1)
    grid.clock.advance(29.9)
    assert grid.of() == [0]
    assert numbers(grid.listings.known(SI) or {}) == [0]
    grid.clock.advance(0.1)
    assert grid.listings.known(SI) is None
    assert grid.of() == [0, 1]
    assert grid.lists == 2


def test_that_there_is_nothing_is_soon_asked_again(grid: Grid) -> None:
    assert grid.of() == grid.of() == []
    assert grid.listings.known(SI) == {}
    assert grid.lists == 1
    grid.write(0)
    grid.clock.advance(2.1)
    assert grid.listings.known(SI) is None
    assert grid.of() == [0]


def test_who_decides_by_it_gets_a_listing_of_this_moment(grid: Grid) -> None:
    grid.write(0)
    assert grid.of() == [0]
    assert grid.fresh() == [0]
    assert grid.lists == 1
    grid.clock.advance(1.5)
    del grid.bucket.objects[layout.share(SI, 0)]  # another node has expired it: "already there" would lose a file
    assert grid.fresh(within=5) == [0]
    assert grid.fresh() == []
    assert grid.of() == []
    assert grid.lists == 2


def test_a_request_that_was_sent_too_long_ago_is_not_joined(grid: Grid) -> None:
    early = grid.listings.of(SI)
    grid.clock.advance(1.5)
    joins, wants_fresh = grid.listings.of(SI), grid.listings.fresh(SI)
    assert len(grid.lane.awaited) == 2
    grid.lane.let(1)
    assert early.called
    assert joins.called
    assert not wants_fresh.called
    grid.write(7)
    grid.lane.let()
    assert numbers(wants_fresh.result) == [7]
    assert grid.of() == [7]


def test_who_wants_to_know_how_it_is_now_shares_a_request_with_nobody(grid: Grid) -> None:
    grid.write(0)
    early = grid.listings.of(SI)
    now = [grid.listings.fresh(SI, 0) for _ in range(2)]
    grid.lane.let()
    assert grid.lists == 3
    assert [numbers(answer.result) for answer in (early, *now)] == [[0]] * 3
    grid.write(1)
    assert grid.fresh(0) == [0, 1]
    assert grid.of() == [0, 1]
    assert grid.lists == 4


def test_own_writes_are_seen_at_once_and_cost_no_request(grid: Grid) -> None:
    assert grid.of() == []
    grid.listings.put(SI, 4, a_stat(layout.share(SI, 4)))
    assert grid.of() == [4]
    grid.listings.remove(SI, 4)
    grid.listings.remove(SI, 4)
    assert grid.of() == []
    assert grid.lists == 1


def test_an_own_write_does_not_make_an_unknown_listing_known(grid: Grid) -> None:
    grid.write(0)
    grid.listings.put(SI, 4, a_stat(layout.share(SI, 4)))
    grid.write(4)
    assert grid.of() == [0, 4]


def test_a_listing_that_was_on_its_way_does_not_undo_an_own_write(grid: Grid) -> None:
    grid.write(0, 1)
    answer = grid.listings.of(SI)
    newer = a_stat(layout.share(SI, 0), etag='"newer"')
    grid.listings.put(SI, 0, newer)
    grid.listings.put(SI, 4, a_stat(layout.share(SI, 4)))
    grid.listings.remove(SI, 1)
    grid.lane.let()
    assert numbers(answer.result) == [0, 4]
    assert answer.result[0] == newer
    assert grid.of() == [0, 4]


def test_what_is_forgotten_is_asked_again(grid: Grid) -> None:
    grid.write(0)
    told: list[bytes] = []
    grid.listings.watch(told.append)
    assert grid.of() == [0]
    grid.listings.forget(SI)
    grid.listings.forget(OTHER)
    del grid.bucket.objects[layout.share(SI, 0)]
    assert grid.of() == []
    assert told == [SI, OTHER]


def test_a_listing_forgotten_on_its_way_is_answered_but_not_remembered(grid: Grid) -> None:
    grid.write(0)
    before = grid.listings.of(SI)
    grid.listings.forget(SI)
    after = grid.listings.of(SI)
    grid.lane.let(1)
    assert numbers(before.result) == [0]
    grid.write(1)
    grid.lane.let()
    assert numbers(after.result) == [0, 1]
    assert grid.of() == [0, 1]


def test_a_failure_is_for_those_who_wait_and_is_not_remembered(grid: Grid) -> None:
    grid.write(0)
    answers = [grid.listings.of(SI) for _ in range(2)]
    grid.lane.fail(Unavailable("LIST", "SlowDown", 503))
    seen = [answer.addErrback(lambda failure: failure.value.code).result for answer in answers]
    assert seen == ["SlowDown"] * 2
    assert grid.of() == [0]


def test_no_more_than_a_thousand_are_remembered_and_none_longer_than_it_is_good_for(grid: Grid) -> None:
    indexes = [number.to_bytes(16, "big") for number in range(1100)]
    for storage_index in indexes:
        grid.bucket.objects[layout.share(storage_index, 0)] = b"a share"
        grid.listings.of(storage_index)
        grid.lane.let(1)
    known = [storage_index for storage_index in indexes if grid.listings.known(storage_index)]
    assert known == indexes[100:]
    assert grid.listings.remembered == 1000
    grid.clock.advance(31)
    grid.of()
    assert grid.listings.remembered == 1

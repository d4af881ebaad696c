"""Bytes of objects in blocks: what is asked of S3, how often, how early, and in how much memory."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock, deferLater

from doubles.by_hand import ClockLane, HandLane, MemoryBucket, objects
from s4_node.s3.errors import ConditionFailed, Missing, S3Error, Unavailable
from s4_node.s3.values import Stat, Store
from s4_node.settings import Caps, StorageSettings
from s4_node.storage.blocks import Blocks
from s4_node.storage.cache import Cache, GridCache

KIB, MIB = 2**10, 2**20
BLOCK = 64 * KIB  # small, so that the objects may be
SEGMENT = BLOCK // 8  # a client's 128 KiB to our 1 MiB
NOISE = random.Random(3).randbytes(8 * MIB)


class Grid:
    """An object of so many bytes, read through a cache of so many blocks."""

    def __init__(
        self, size: int, *, lane: HandLane | None = None, cap: int = 32, budget: int = 64, read_ahead: int = 3
    ) -> None:
        self.bucket, self.lane = MemoryBucket(), lane or HandLane()
        self.bucket.objects["a"] = NOISE[:size]
        self.stat: Stat = self.bucket.stat("a")
        settings = StorageSettings(Store("b"), Path("spool"), Caps(), block_bytes=BLOCK, read_ahead=read_ahead)
        self.cache: GridCache = Cache(budget * BLOCK).for_grid("grid", cap * BLOCK)
        self.blocks = Blocks(objects(self.bucket, self.lane), self.cache, settings)

    def read(self, offset: int, length: int) -> bytes:
        answer = self.blocks.read(self.stat, offset, length)
        self.lane.let()
        body: bytes = answer.result
        return body

    @property
    def gets(self) -> list[tuple[int, int]]:
        """The ranges asked of S3, in blocks."""
        return [(int(start) // BLOCK, -(-int(end) // BLOCK)) for _, _, start, end in map(str.split, self.bucket.asked)]


def advance(clock: Clock) -> None:
    """To when something happens next."""
    clock.advance(min(call.getTime() for call in clock.getDelayedCalls()) - clock.seconds())


def test_a_small_object_is_one_request_whatever_is_read_of_it() -> None:
    grid = Grid(BLOCK)
    assert grid.read(12, 100) == NOISE[12:112]
    assert grid.read(0, 10 * BLOCK) == NOISE[:BLOCK]
    assert grid.read(BLOCK - 5, 100) == NOISE[BLOCK - 5 : BLOCK]
    assert grid.read(BLOCK, 1) == grid.read(BLOCK + 10, 10) == grid.read(5, 0) == b""
    assert grid.bucket.asked == [f"get a 0 {BLOCK}"]


def test_reads_at_the_same_time_share_requests() -> None:
    grid = Grid(10 * BLOCK)
    answers = [grid.blocks.read(grid.stat, offset, 1000) for offset in (0, 500, 3 * BLOCK, BLOCK - 500, 3 * BLOCK + 1)]
    grid.lane.let()
    assert [len(answer.result) for answer in answers] == [1000] * 5
    assert grid.gets == [(0, 1), (3, 4), (1, 2)]


def test_a_long_read_asks_for_several_blocks_at_once_and_for_none_twice() -> None:
    grid = Grid(10 * BLOCK, read_ahead=3)
    grid.read(2 * BLOCK, 1)
    assert grid.read(100, 8 * BLOCK) == NOISE[100 : 100 + 8 * BLOCK]
    assert grid.gets == [(2, 3), (0, 2), (3, 6), (6, 9)]


def test_every_request_names_the_version_of_the_object() -> None:
    grid = Grid(10 * BLOCK)
    grid.read(0, 10)
    grid.bucket.objects["a"] = NOISE[5:][: 10 * BLOCK]
    assert grid.read(10, 10) == NOISE[10:20]
    answer = grid.blocks.read(grid.stat, 5 * BLOCK, 10)
    grid.lane.let()
    with pytest.raises(ConditionFailed):
        answer.result.raiseException()
    del grid.bucket.objects["a"]
    gone = grid.blocks.read(grid.stat, 5 * BLOCK, 10)
    grid.lane.let()
    with pytest.raises(Missing):
        gone.result.raiseException()


def test_blocks_of_another_version_are_other_blocks() -> None:
    grid = Grid(BLOCK)
    grid.read(0, 10)
    grid.bucket.objects["a"] = b"!" + NOISE[1:BLOCK]
    grid.stat = grid.bucket.stat("a")
    assert grid.read(0, 3) == b"!" + NOISE[1:3]


def test_an_answer_of_another_length_than_was_listed_is_refused() -> None:
    grid = Grid(BLOCK)
    lying = Stat("a", BLOCK + 100, grid.stat.etag, grid.stat.modified)
    answer = grid.blocks.read(lying, 0, 10)
    grid.lane.let()
    with pytest.raises(ConditionFailed):
        answer.result.raiseException()
    assert grid.cache.used == 0


def test_a_failure_is_told_to_all_who_wait_and_the_next_asks_again() -> None:
    grid = Grid(BLOCK)
    answers = [grid.blocks.read(grid.stat, offset, 10) for offset in (0, 10)]
    grid.lane.fail(Unavailable("GET", "SlowDown", 503))
    assert [answer.addErrback(lambda failure: failure.type).result for answer in answers] == [Unavailable] * 2
    assert grid.cache.used == 0
    assert grid.read(0, 10) == NOISE[:10]


def test_who_reads_on_finds_the_next_blocks_there() -> None:
    grid = Grid(40 * BLOCK)
    waits = 0
    for offset in range(0, 40 * BLOCK, SEGMENT):
        answer = grid.blocks.read(grid.stat, offset, SEGMENT)
        waits += not answer.called
        grid.lane.let()
        assert answer.result == NOISE[offset : offset + SEGMENT]
    assert waits == 1
    assert len(grid.gets) < 40 * 0.6
    assert grid.bucket.sent == 40 * BLOCK


def test_what_is_read_ahead_waits_until_somebody_waits_for_it() -> None:
    grid = Grid(40 * BLOCK)
    grid.read(0, SEGMENT)
    assert grid.lane.unhurried == []
    grid.blocks.read(grid.stat, SEGMENT, SEGMENT)
    assert (len(grid.lane.awaited), len(grid.lane.unhurried)) == (0, 1)
    wanted = grid.blocks.read(grid.stat, BLOCK, 10)
    assert (len(grid.lane.awaited), len(grid.lane.unhurried)) == (1, 0)
    grid.lane.let(1)
    assert wanted.result == NOISE[BLOCK : BLOCK + 10]


def test_what_fails_while_nobody_waits_for_it_harms_nobody() -> None:
    grid = Grid(40 * BLOCK)
    grid.read(0, SEGMENT)
    assert grid.blocks.read(grid.stat, SEGMENT, SEGMENT).called
    assert len(grid.lane.unhurried) == 1
    grid.lane.fail(Unavailable("GET", "SlowDown", 503))
    assert grid.read(BLOCK, 10) == NOISE[BLOCK : BLOCK + 10]


def test_without_read_ahead_only_what_is_read_is_asked_for() -> None:
    grid = Grid(10 * BLOCK, read_ahead=0)
    for offset in range(0, 4 * BLOCK, SEGMENT):
        grid.read(offset, SEGMENT)
    assert grid.gets == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_reading_here_and_there_fetches_no_more_than_the_blocks_it_touches() -> None:
    grid = Grid(100 * BLOCK)
    places = random.Random(7).sample(range(100), 60)
    for place in places:
        grid.read(place * BLOCK + 3 * SEGMENT, SEGMENT)
    assert sorted(grid.gets) == sorted((place, place + 1) for place in places)


def a_clients_reads(segments: int, k: int = 1) -> list[list[tuple[int, int]]]:
    """What a client asks for at once, again and again, to download a file: data, and hashes of two trees and the UEB.

    After allmydata.immutable.downloader.share: 1024 bytes for the offsets, then the segment's block, right behind the
    one before, and those hashes of the chain that it does not have yet.
    """
    block = SEGMENT // k
    leaves = 1 << (segments - 1).bit_length()
    crypttext = 0x24 + segments * block
    tree = crypttext + (2 * leaves - 1) * 32
    ueb = tree + (2 * leaves - 1) * 32 + 34
    rounds, known = [], {0}
    for segment in range(segments):
        data = (0x24 + segment * block, block)
        reads = [(0, 0x24 + block), (ueb, 2048)] if segment == 0 else [data]
        node = leaves - 1 + segment
        while node:
            for wanted in (node, ((node - 1) ^ 1) + 1):
                if wanted not in known:
                    known.add(wanted)
                    reads += [(crypttext + 32 * wanted, 32), (tree + 32 * wanted, 32)]
            node = (node - 1) // 2
        rounds.append(reads)
    return rounds


@pytest.mark.parametrize("latency", [0.005, 0.02])
def test_a_client_that_downloads_is_not_slowed_down_by_s3(latency: float) -> None:
    clock = Clock()
    segments = 100 * 8
    grid = Grid(101 * BLOCK, lane=ClockLane(clock, latency))

    async def download() -> float:
        began = clock.seconds()
        for reads in a_clients_reads(segments):
            answers = await gatherResults([grid.blocks.read(grid.stat, 12 + at, length) for at, length in reads])
            assert answers == [NOISE[12 + at : min(12 + at + length, grid.stat.size)] for at, length in reads]
            await deferLater(clock, 0.0012)  # the client decodes 128 KiB
        return float(clock.seconds() - began)

    finished: Deferred[float] = Deferred.fromCoroutine(download())
    while not finished.called:
        advance(clock)
        assert grid.cache.used <= grid.cache.cap
    client_alone = segments * 0.0012
    assert 100 / finished.result >= 80  # MiB/s of a real client
    assert finished.result < client_alone + 8 * latency
    assert len(grid.gets) <= 40
    assert grid.bucket.sent == grid.stat.size


def test_ten_downloads_at_once_stay_in_the_cap_and_fetch_nothing_twice() -> None:
    clock = Clock()
    grid = Grid(0, lane=ClockLane(clock, 0.02))
    stats = []
    for number in range(10):
        grid.bucket.objects[f"{number}"] = NOISE[number : number + 20 * BLOCK]
        stats.append(grid.bucket.stat(f"{number}"))

    async def download(stat: Stat) -> None:
        for offset in range(0, stat.size, SEGMENT):
            await grid.blocks.read(stat, offset, SEGMENT)
            await deferLater(clock, 0.0012)

    finished = gatherResults([Deferred.fromCoroutine(download(stat)) for stat in stats])
    most = 0
    while not finished.called:
        advance(clock)
        most = max(most, grid.cache.used)
    assert most <= grid.cache.cap
    assert grid.bucket.sent == 10 * 20 * BLOCK


def test_more_readers_than_memory_all_get_their_bytes() -> None:
    grid = Grid(100 * BLOCK, cap=4, budget=4)
    answers = [grid.blocks.read(grid.stat, place * BLOCK, 10) for place in range(50)]
    assert len(grid.lane.awaited) == 4  # the others wait for room
    while not answers[-1].called:
        assert grid.cache.used <= 4 * BLOCK
        grid.lane.let(1)
    assert [answer.result for answer in answers] == [NOISE[place * BLOCK :][:10] for place in range(50)]


def test_a_grid_that_is_closed_answers_nobody_later() -> None:
    grid = Grid(100 * BLOCK, cap=4, budget=4)
    failed: list[type] = []
    for place in range(10):
        grid.blocks.read(grid.stat, place * BLOCK, 10).addErrback(lambda failure: failed.append(failure.type))
    grid.cache.close()
    assert len(failed) == 6
    while grid.lane.awaited:
        grid.lane.fail(S3Error("GET", "Stopped"))
    assert len(failed) == 10
    assert grid.cache.used == 0


@given(
    st.lists(st.tuples(st.integers(0, 12 * BLOCK), st.integers(0, 5 * BLOCK), st.integers(0, 3)), max_size=12),
    st.integers(0, 12 * BLOCK),
    st.integers(0, 4),
)
def test_whatever_is_read_in_whatever_order_is_right(
    reads: list[tuple[int, int, int]], size: int, read_ahead: int
) -> None:
    grid = Grid(size, cap=8, budget=8, read_ahead=read_ahead)
    answers = []
    for offset, length, let in reads:
        answers.append((grid.blocks.read(grid.stat, offset, length), NOISE[offset : min(offset + length, size)]))
        grid.lane.let(let)
        assert grid.cache.used <= 8 * BLOCK
    grid.lane.let()
    assert [answer.result for answer, _ in answers] == [expected for _, expected in answers]
    assert grid.cache.coming == 0

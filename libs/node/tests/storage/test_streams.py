"""Who is read ahead for, and how far: by the reads alone."""

from s4_node.storage.streams import Stream, Streams

BLOCK, RUN, CAPACITY = 1000, 3, 32
SHARE = ("a", '"e"')


def read_on(streams: Streams, start: int, end: int, step: int = 125, of: tuple[str, str] = SHARE) -> Stream:
    """Read from start to end in steps."""
    stream = None
    for offset in range(start, end, step):
        stream = streams.follow(of, offset, offset + step)
    assert stream is not None
    return stream


def test_single_reads_here_and_there_are_never_read_ahead_for() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    for offset in (0, 50_000, 20_000, 99_000, 125, 30_000, 60_000):
        stream = streams.follow(SHARE, offset, offset + 125)
        assert list(streams.ahead(stream, 100)) in ([], [1])
        assert stream.window <= 1


def test_who_reads_on_is_read_ahead_for_further_and_further() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    assert list(streams.ahead(read_on(streams, 0, 125), 100)) == []
    assert list(streams.ahead(read_on(streams, 125, 250), 100)) == [1]
    stream = read_on(streams, 250, 1125)
    assert stream.window == 2
    assert list(streams.ahead(stream, 100)) == [2, 3]
    stream = read_on(streams, 1125, 2125)
    assert stream.window == 4
    assert list(streams.ahead(stream, 100)) == [4, 5, 6]
    assert list(streams.ahead(stream, 100)) == []  # they are asked for once


def test_single_hashes_near_the_end_do_not_hide_who_reads_on() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    stream = read_on(streams, 0, 125)
    for segment in range(1, 40):
        stream = streams.follow(SHARE, segment * 125, (segment + 1) * 125)
        asked = [*streams.ahead(stream, 100)]
        for level in range(12):  # of two hash trees
            streams.follow(SHARE, 98_000 + 640 * (level % 2) + 32 * (segment >> level), 98_000)
        if segment == 1:
            assert asked == [1]
    assert stream.reads == 40
    assert stream.frontier > 5


def test_a_reader_that_has_to_wait_is_read_ahead_for_further_within_limits() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    stream = read_on(streams, 0, 4125)
    windows = [stream.window]
    for _ in range(3):
        streams.stalled(stream)
        windows.append(stream.window)
    assert windows == [6, 12, 12, 12]
    beginner = read_on(streams, 0, 1125, of=("another", ""))
    streams.stalled(beginner)  # it is on its way to more anyhow
    assert beginner.window == 2


def test_reading_ahead_ends_where_the_object_ends() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    stream = read_on(streams, 0, 4125)
    assert list(streams.ahead(stream, 6)) == [5]
    assert list(streams.ahead(read_on(streams, 4125, 6000), 6)) == []


def test_many_readers_share_half_of_the_memory() -> None:
    streams = Streams(BLOCK, RUN, CAPACITY)
    readers = [read_on(streams, 0, 2125, of=(f"{number}", "")) for number in range(20)]
    again = [read_on(streams, 2125, 4125, of=(f"{number}", "")) for number in range(20)]
    assert readers == again
    assert sum(stream.window for stream in again) <= CAPACITY // 2


def test_a_reader_that_has_left_takes_no_share_of_the_memory() -> None:
    streams = Streams(BLOCK, RUN, 8)
    read_on(streams, 0, 4125, of=("left", ""))
    assert read_on(streams, 0, 4125).window == 2
    streams.fetched(8)  # a whole memory of blocks since
    assert read_on(streams, 4125, 6125).window == 4


def test_what_is_known_of_objects_read_long_ago_is_dropped() -> None:
    streams = Streams(BLOCK, RUN, 8)
    for number in range(1000):
        read_on(streams, 0, 500, of=(f"{number}", ""))
        streams.fetched(1)
    assert len(streams) <= 17

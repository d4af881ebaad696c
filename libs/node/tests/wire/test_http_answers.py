"""What clients are answered over HTTP, and when: with a bucket that does, that waits, and that refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import LogEvent, globalLogPublisher

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.settings import MIB, Caps
from s4_node.storage import layout
from s4_node.storage.server import S3StorageServer
from support.s3_control import S3Control
from support.spinning import spin, turns, until
from support.storing import CANCEL, ENABLER, RENEW, SWISSNUM, Speaker, a_server, name, over_http, storage_index

DATA = bytes(range(256)) * 40


@pytest.fixture
def said() -> Iterator[list[LogEvent]]:
    """What is logged meanwhile."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_the_last_bytes_are_answered_201_when_the_share_is_in_the_bucket_and_not_before(
    client: Speaker, store: Store, s3_control: S3Control
) -> None:
    index = storage_index()
    spin(client.allocate(index, len(DATA)))
    assert spin(client.write(index, 0, DATA[:-1])).status == 200
    s3_control.clear_counts()
    s3_control.fail("hold", "PutObject")
    answer = client.write(index, len(DATA) - 1, DATA[-1:])
    until(lambda: s3_control.counts()["PutObject"] == 1)
    turns(50)

    assert not answer.called
    assert s3_control.objects(store.bucket) == {}

    s3_control.release()
    assert spin(answer).status == 201
    assert list(s3_control.objects(store.bucket)) == [layout.share(index, 0)]


def test_a_share_that_s3_refuses_is_answered_500_in_words_and_can_be_uploaded_again(
    client: Speaker, s3_control: S3Control, said: list[LogEvent]
) -> None:
    index = storage_index()
    spin(client.allocate(index, len(DATA)))
    s3_control.fail("access_denied", "PutObject", times=None)

    answer = spin(client.write(index, 0, DATA))

    assert (answer.status, answer.body) == (500, b"the object store refuses")
    [event] = [event for event in said if event["log_namespace"].startswith("s4_node.wire")]
    assert (event["log_format"], event["grid"]) == ("request.failed", "grid")
    assert "AccessDenied" in event["error"]
    s3_control.clear_faults()
    assert spin(client.allocate(index, len(DATA))).content == {"already-have": set(), "allocated": {0}}
    assert spin(client.write(index, 0, DATA)).status == 201


def test_s3_that_does_not_answer_is_503_and_the_next_request_is_tried(client: Speaker, s3_control: S3Control) -> None:
    index = storage_index()
    s3_control.fail("slow_down", "ListObjectsV2", times=None)

    answer = spin(client.ask("GET", f"immutable/{name(index)}/shares"))

    assert (answer.status, answer.body) == (503, b"the object store does not answer")
    s3_control.clear_faults()
    assert spin(client.ask("GET", f"immutable/{name(index)}/shares")).content == set()


def test_a_read_that_fails_has_the_type_that_clients_want_of_every_answer_to_a_read(
    client: Speaker, s3_control: S3Control
) -> None:
    index = storage_index()
    spin(client.upload(index, DATA))
    s3_control.fail("internal_error", "GetObject", times=None)

    failed, absent = spin(client.read("immutable", index, 0, 10)), spin(client.read("immutable", index, 0, 10, 7))

    assert (failed.status, absent.status) == (503, 404)
    for answer in (failed, absent):
        assert answer.headers.getRawHeaders("content-type") == ["application/octet-stream"]


def test_ranges_are_cut_at_the_end_and_behind_it_there_is_no_content(client: Speaker) -> None:
    index = storage_index()
    spin(client.upload(index, DATA))
    mutable = storage_index()
    spin(client.write_mutable(mutable, DATA))

    for kind, where in (("immutable", index), ("mutable", mutable)):
        tail = spin(client.read(kind, where, len(DATA) - 5, len(DATA) + 100))
        behind = spin(client.read(kind, where, len(DATA), len(DATA) + 1))
        assert (tail.status, tail.body) == (206, DATA[-5:])
        assert tail.headers.getRawHeaders("content-range") == [f"bytes {len(DATA) - 5}-{len(DATA) - 1}/*"]
        assert (behind.status, behind.body) == (204, b"")


def test_a_share_of_many_pieces_arrives_whole(client: Speaker) -> None:
    index, data = storage_index(), bytes(range(251)) * 5000
    spin(client.upload(index, data))
    mutable = storage_index()
    spin(client.write_mutable(mutable, data))

    for kind, where in (("immutable", index), ("mutable", mutable)):
        assert spin(client.ask("GET", f"{kind}/{name(where)}/0")).body == data
        assert spin(client.read(kind, where, 100, 1_200_000)).body == data[100:1_200_000]


def test_a_damaged_share_is_answered_500_and_the_others_are_read(client: Speaker, store: Store) -> None:
    index = storage_index()
    spin(client.upload(index, DATA))
    until(lambda: spin(client.ask("GET", f"immutable/{name(storage_index())}/shares")).body is not None)

    damaged = storage_index()
    Bucket(store).put(layout.share(damaged, 0), b"not a share")

    assert spin(client.read("immutable", damaged, 0, 10)).status == 500
    assert spin(client.read("immutable", index, 0, 10)).body == DATA[:10]


def test_the_wrong_write_enabler_is_401_and_changes_nothing(client: Speaker) -> None:
    index = storage_index()
    spin(client.write_mutable(index, b"first"))

    refused = spin(client.write_mutable(index, b"other", "another-enabler"))

    assert (refused.status, refused.body) == (401, b"wrong write enabler")
    assert spin(client.read("mutable", index, 0, 5)).body == b"first"


def test_another_word_on_bytes_that_were_written_is_409_and_the_upload_goes_on(client: Speaker) -> None:
    index = storage_index()
    spin(client.allocate(index, len(DATA)))
    spin(client.write(index, 0, DATA[:100]))

    assert spin(client.write(index, 50, b"x" * 100)).status == 409
    assert spin(client.write(index, 100, DATA[100:])).status == 201


def test_more_than_was_asked_for_is_413(client: Speaker) -> None:
    index = storage_index()
    spin(client.allocate(index, 10))

    assert spin(client.write(index, 5, b"x" * 10)).status == 413


def test_a_body_that_is_shorter_than_its_range_is_400(client: Speaker) -> None:
    index = storage_index()
    spin(client.allocate(index, 100))
    path, headers = f"immutable/{name(index)}/0", {"Content-Range": "bytes 0-99/*"}

    assert spin(client.ask("PATCH", path, b"x" * 50, with_secrets="upload", headers=headers)).status == 400


def test_without_room_nothing_is_allocated_and_a_mutable_share_that_grows_is_507(store: Store, tmp_path: Path) -> None:
    with a_server(store, tmp_path, quota_bytes=2000) as server, over_http(server) as client:
        index = storage_index()
        refused = spin(client.allocate(index, 3000))
        assert refused.content == {"already-have": set(), "allocated": set()}
        assert spin(client.upload(index, b"x" * 1000)).status == 201
        grown = spin(client.write_mutable(storage_index(), b"x" * 2000))
    assert (grown.status, grown.body) == (507, b"no space left")


def test_no_route_is_a_plain_404(client: Speaker) -> None:
    assert spin(client.ask("GET", "nothing/of/ours")).status == 404


def test_a_client_that_hangs_up_while_its_share_is_committed_does_not_keep_it_from_the_bucket(
    client: Speaker, server: S3StorageServer, store: Store, s3_control: S3Control
) -> None:
    index = storage_index()
    spin(client.allocate(index, len(DATA)))
    s3_control.clear_counts()
    s3_control.fail("hold", "PutObject")
    answer = client.write(index, 0, DATA)
    until(lambda: s3_control.counts()["PutObject"] == 1)

    answer.addErrback(lambda failure: failure.trap(CancelledError))
    answer.cancel()
    turns(20)
    s3_control.release()

    until(lambda: server.readings()["uploads"] == 0)
    assert list(s3_control.objects(store.bucket)) == [layout.share(index, 0)]


def test_writes_wait_while_as_many_parts_are_on_their_way_as_may_be(
    store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    index, part = storage_index(), bytes(5 * MIB)
    with a_server(store, tmp_path, caps=Caps(parts=1)) as server, over_http(server) as client:
        spin(client.allocate(index, 4 * len(part)))
        s3_control.clear_counts()
        s3_control.fail("hold", "UploadPart")
        first = client.write(index, 0, part)
        until(lambda: s3_control.counts()["UploadPart"] == 1)
        turns(50)
        assert not first.called
        s3_control.release()
        assert spin(first).status == 200
        spin(client.ask("PUT", f"immutable/{name(index)}/0/abort", with_secrets="upload"))


def test_nothing_is_logged_of_requests_that_succeed(client: Speaker, said: list[LogEvent]) -> None:
    index = storage_index()
    spin(client.upload(index, DATA))
    spin(client.read("immutable", index, 0, 10))

    assert [event for event in said if name(index) in str(event)] == []


def test_the_same_trouble_is_said_once_a_minute_and_without_secrets(
    client: Speaker, s3_control: S3Control, said: list[LogEvent]
) -> None:
    s3_control.fail("access_denied", times=None)
    for _ in range(3):
        assert spin(client.write_mutable(storage_index(), b"x")).status == 500

    assert len([event for event in said if event["log_format"] == "request.failed"]) == 1
    for secret in (RENEW, CANCEL, ENABLER, SWISSNUM):
        assert secret.decode() not in str(said)


def test_the_version_is_answered_without_asking_s3(client: Speaker, s3_control: S3Control) -> None:
    before = s3_control.sums()["*"].requests if "*" in s3_control.sums() else 0
    s3_control.fail("hang", times=None)

    answer = spin(client.ask("GET", "version"))

    assert answer.status == 200
    after = s3_control.sums()["*"].requests if "*" in s3_control.sums() else 0
    assert after == before


def test_a_large_mutable_share_is_read_as_it_is_after_each_change(client: Speaker) -> None:
    index = storage_index()
    for letter in (b"a", b"b"):
        spin(client.write_mutable(index, letter * 6 * MIB))
        assert spin(client.read("mutable", index, 0, 6 * MIB)).body == letter * 6 * MIB


def test_encodings_that_there_are_none_of_are_406(client: Speaker) -> None:
    assert spin(client.ask("GET", "version", headers={"Accept": "image/gif"})).status == 406


def test_a_store_that_ignores_conditions_is_read_and_not_written_to(
    client: Speaker, store: Store, s3_control: S3Control, said: list[LogEvent]
) -> None:
    Bucket(store).put(layout.share(storage_index(), 0), b"anything")
    s3_control.behave(ignores_conditions=True)
    before = s3_control.objects(store.bucket)

    assert spin(client.allocate(storage_index(), 10)).status == 500
    assert spin(client.write_mutable(storage_index(), b"x")).status == 500

    assert spin(client.ask("GET", f"immutable/{name(storage_index())}/shares")).status == 200
    assert s3_control.objects(store.bucket) == before
    assert [event["log_format"] for event in said].count("store.ignores-conditions") == 1


def test_a_store_that_ignores_conditions_is_written_to_by_an_only_writer(
    store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    s3_control.behave(ignores_conditions=True)
    with a_server(store, tmp_path, single_writer=True) as server, over_http(server) as client:
        assert spin(client.upload(storage_index(), DATA)).status == 201


def test_a_store_that_did_not_answer_is_asked_for_its_conditions_again(client: Speaker, s3_control: S3Control) -> None:
    s3_control.fail("slow_down", times=None)
    assert spin(client.allocate(storage_index(), 10)).status == 503
    s3_control.clear_faults()

    assert spin(client.upload(storage_index(), DATA)).status == 201

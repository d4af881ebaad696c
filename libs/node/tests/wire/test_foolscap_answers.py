"""What clients are answered over Foolscap, between two tubs on the loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foolscap.api import Referenceable, Tub
from twisted.internet.defer import Deferred

from s4_node.probe.client import _passing_identity
from s4_node.s3.values import Store
from s4_node.settings import MIB, Caps
from s4_node.storage import layout
from s4_node.storage.server import S3StorageServer
from s4_node.wire.failures import Failures
from s4_node.wire.foolscap import RemoteStorageServer
from support.s3_control import S3Control
from support.s3_servers import free_port
from support.spinning import reactor, spin, turns, until
from support.storing import CANCEL, ENABLER, RENEW, a_server, storage_index

DATA = b"x" * 1000


class Connection:
    """A client's tub that knows the server's."""

    def __init__(self, furl: str) -> None:
        self.tub = Tub(certData=_passing_identity())
        self.tub.startService()
        self.server: Any = spin(self.tub.getReference(furl))

    def ask(self, method: str, *args: object) -> Any:
        return spin(self.server.callRemote(method, *args))

    def refusal(self, asked: "Deferred[Any]") -> Any:
        """The failure, as it came over the wire."""
        failures: list[Any] = []
        asked.addErrback(failures.append)
        until(lambda: bool(failures))
        return failures[0]

    def hang_up(self) -> None:
        if self.tub.running:
            spin(self.tub.stopService())

    def allocate(self, index: bytes, size: int) -> Any:
        _, writers = self.ask("allocate_buckets", index, RENEW, CANCEL, {0}, size, Referenceable())
        return writers[0]


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[S3StorageServer]:
    with a_server(store, tmp_path, caps=Caps(parts=1)) as server:
        yield server


@pytest.fixture
def client(server: S3StorageServer) -> Iterator[Connection]:
    port = free_port()
    tub = Tub(certData=_passing_identity())
    tub.unsafeTracebacks = False  # as nodes.S3Client sets it
    tub.listenOn(f"tcp:{port}:interface=127.0.0.1")
    tub.setLocation(f"tcp:127.0.0.1:{port}")
    tub.startService()
    connection = Connection(tub.registerReference(RemoteStorageServer(server, Failures(reactor))))
    yield connection
    connection.hang_up()
    spin(tub.stopService())


def writing(data: bytes) -> dict[int, object]:
    return {0: ([], [(0, data)], None)}


def test_a_share_is_in_the_bucket_when_its_writer_is_closed_and_is_read_back(
    client: Connection, store: Store, s3_control: S3Control
) -> None:
    index = storage_index()
    writer = client.allocate(index, len(DATA))
    assert spin(writer.callRemote("write", 0, DATA)) is None
    assert s3_control.objects(store.bucket) == {}

    assert spin(writer.callRemote("close")) is None

    assert list(s3_control.objects(store.bucket)) == [layout.share(index, 0)]
    readers = client.ask("get_buckets", index)
    assert spin(readers[0].callRemote("read", 10, 2000)) == DATA[10:]


def test_a_failure_is_told_in_words_without_the_stack(client: Connection) -> None:
    index = storage_index()
    client.ask("slot_testv_and_readv_and_writev", index, (ENABLER, RENEW, CANCEL), writing(b"first"), [])

    told = client.refusal(
        client.server.callRemote(
            "slot_testv_and_readv_and_writev", index, (bytes(32), RENEW, CANCEL), writing(b"other"), []
        )
    )

    assert told.value == "wrong write enabler"
    assert told.traceback.strip() == "Traceback unavailable"
    assert client.ask("slot_readv", index, [], [(0, 10)]) == {0: [b"first"]}


def test_s3_that_does_not_answer_is_told_so(client: Connection, s3_control: S3Control) -> None:
    s3_control.fail("slow_down", "ListObjectsV2", times=None)

    assert client.refusal(client.server.callRemote("get_buckets", storage_index())).value == (
        "the object store does not answer"
    )


def test_an_upload_ends_with_the_connection_it_was_begun_on(server: S3StorageServer, client: Connection) -> None:
    writer = client.allocate(storage_index(), len(DATA))
    spin(writer.callRemote("write", 0, DATA[:10]))

    client.hang_up()

    until(lambda: server.readings()["uploads"] == server.readings()["spool_bytes"] == 0)


def test_a_connection_that_was_lost_while_s3_was_asked_leaves_no_upload(
    server: S3StorageServer, client: Connection, s3_control: S3Control
) -> None:
    client.allocate(storage_index(), 10)
    s3_control.clear_counts()
    s3_control.fail("hold", "ListObjectsV2")
    asked = client.server.callRemote(
        "allocate_buckets", storage_index(), RENEW, CANCEL, {0}, len(DATA), Referenceable()
    )
    asked.addErrback(lambda _: None)
    until(lambda: s3_control.counts()["ListObjectsV2"] == 1)

    client.hang_up()
    s3_control.release()

    until(lambda: len(server.latencies["allocate"]) == 2)
    until(lambda: server.readings()["uploads"] == 0)


def test_writes_wait_while_as_many_parts_are_on_their_way_as_may_be(client: Connection, s3_control: S3Control) -> None:
    part = bytes(5 * MIB)
    writer = client.allocate(storage_index(), 4 * len(part))
    s3_control.clear_counts()
    s3_control.fail("hold", "UploadPart")
    first = writer.callRemote("write", 0, part)
    until(lambda: s3_control.counts()["UploadPart"] == 1)
    turns(50)
    assert not first.called

    s3_control.release()

    assert spin(first) is None
    spin(writer.callRemote("abort"))


def test_leases_and_advisories_are_answered_with_nothing(client: Connection, store: Store) -> None:
    index = storage_index()
    writer = client.allocate(index, len(DATA))
    spin(writer.callRemote("write", 0, DATA))
    spin(writer.callRemote("close"))

    assert client.ask("add_lease", index, b"R" * 32, b"C" * 32) is None
    assert client.ask("add_lease", storage_index(), b"R" * 32, b"C" * 32) is None
    assert client.ask("advise_corrupt_share", b"immutable", index, 0, b"it smells") is None
    reader = client.ask("get_buckets", index)[0]
    assert spin(reader.callRemote("advise_corrupt_share", b"it tastes")) is None
    assert b"http://allmydata.org/tahoe/protocols/storage/v1" in client.ask("get_version")

"""Two nodes that serve one bucket at once, by mistake or while one replaces the other: no write is lost."""

import os
import secrets
import struct
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from twisted.internet.defer import Deferred, gatherResults

from s4_node.storage import layout
from support.elsewhere import Elsewhere
from support.ledger import check_slot, check_upload
from support.load import change, store
from support.s3_control import S3Control
from support.s3_servers import Server
from support.shares import a_slot, an_upload, stored
from support.speaking import PROTOCOLS, Speak, Speaking
from support.spinning import spin

MIB = 2**20
COUNT = struct.Struct(">Q")
T = TypeVar("T")


@pytest.fixture(scope="module")
def nodes(s3: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Elsewhere]]:
    """The same identity twice, at two places."""
    name = f"b-{secrets.token_hex(8)}"
    s3.make_bucket(name)
    folder = tmp_path_factory.mktemp("two")
    first = Elsewhere(folder / "first", s3.store(name), {"part_bytes": 5 * MIB})
    second = Elsewhere(folder / "second", s3.store(name), first.more, grid=first.grid)
    both = [first, second]
    for node in both:
        node.move()
    for node in both:
        node.until_served()
    yield both
    for node in both:
        node.end()


@pytest.fixture
def clients(nodes: list[Elsewhere], spoken: Speak, s3_control: S3Control) -> list[Speaking]:
    """One for each protocol at each node."""
    return [spoken(protocol, node) for node in nodes for protocol in PROTOCOLS]


@dataclass
class Counter:
    """A number in a mutable share that many clients raise by one: read, and write if it is still so."""

    index: bytes
    secrets: tuple[bytes, bytes, bytes]

    async def read(self, client: Speaking) -> int:
        there = await client.server.slot_readv(self.index, [0], [(0, COUNT.size)])
        return int(COUNT.unpack(there[0][0])[0]) if there.get(0, [b""])[0] else 0

    async def begin(self, client: Speaking) -> None:
        vectors = {0: ([(0, 1, b"")], [(0, COUNT.pack(0))], None)}
        await client.server.slot_testv_and_readv_and_writev(self.index, self.secrets, vectors, [])

    async def raise_by(self, client: Speaking, times: int) -> int:
        """How often it had to be tried."""
        tried = done = 0
        while done < times:
            tried += 1
            now = COUNT.pack(await self.read(client))
            vectors = {0: ([(0, COUNT.size, now)], [(0, COUNT.pack(COUNT.unpack(now)[0] + 1))], None)}
            is_done, _ = await client.server.slot_testv_and_readv_and_writev(self.index, self.secrets, vectors, [])
            done += is_done
        return tried


def together(*work: Coroutine["Deferred[object]", object, T]) -> list[T]:
    """What each comes to, all at once."""
    results: list[T] = spin(gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True), 90)
    return results


def test_clients_that_store_the_same_share_through_both_at_once_are_all_told_that_it_is_stored(
    clients: list[Speaking], nodes: list[Elsewhere], s3_control: S3Control
) -> None:
    s3_control.latency(20)
    uploads = [an_upload(size) for size in (2000, 2000, 6 * MIB)]
    for upload in uploads:
        one_of_each = [clients[0], clients[3]]  # at different nodes, over different protocols
        together(*(store(client, upload) for client in one_of_each))
        for client in clients:
            spin(check_upload(client, upload))
    keys = s3_control.objects(nodes[0].store.bucket)
    assert keys.keys() >= {layout.share(upload.index, upload.number) for upload in uploads}


def test_no_update_is_lost_when_clients_of_both_race(clients: list[Speaking], s3_control: S3Control) -> None:
    counter = Counter(os.urandom(16), (b"w" * 32, b"r" * 32, b"c" * 32))
    s3_control.latency(5)
    together(*(counter.begin(client) for client in clients))
    tried = together(*(counter.raise_by(client, 6) for client in clients))
    assert [spin(counter.read(client)) for client in clients] == [6 * len(clients)] * len(clients)
    assert sum(tried) > 6 * len(clients)  # or they did not race


def test_what_one_has_written_is_read_through_the_other_at_once(clients: list[Speaking]) -> None:
    slot = a_slot()
    for turn in range(12):
        writer = clients[turn % len(clients)]
        assert spin(change(writer, slot))
        for client in clients:
            spin(check_slot(client, slot))
    upload = stored(clients[0], an_upload())
    for client in clients:
        spin(check_upload(client, upload))

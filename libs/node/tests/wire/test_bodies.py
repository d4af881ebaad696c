"""Request bodies wait in memory, while there is room."""

import socket
from io import BytesIO

import pytest

from s4_node.storage.server import S3StorageServer
from s4_node.wire.bodies import Bodies
from s4_node.wire.http import QuietSite
from support.spinning import spin, until
from support.storing import Speaker, storage_index

MIB = 2**20


def test_bodies_are_in_memory_until_there_is_no_room_and_again_when_one_is_closed() -> None:
    bodies = Bodies(room=1000, largest=600)
    first = bodies.begin(600)
    assert isinstance(first, BytesIO)
    with bodies.begin(401) as second:
        assert not isinstance(second, BytesIO)
    first.close()
    with bodies.begin(600) as third:
        assert isinstance(third, BytesIO)
        assert bodies.held == 600
    assert bodies.held == 0


@pytest.mark.parametrize("length", [601, None])
def test_a_long_body_and_one_of_unknown_length_are_in_files(length: int | None) -> None:
    bodies = Bodies(room=1000, largest=600)
    with bodies.begin(length) as body:
        assert not isinstance(body, BytesIO)
        body.write(b"x" * 601)
        body.seek(0)
        assert body.read() == b"x" * 601
    assert bodies.held == 0


def test_a_body_that_is_closed_twice_gives_its_room_back_once() -> None:
    bodies = Bodies()
    body, other = bodies.begin(10), bodies.begin(5)
    body.close()
    body.close()
    assert bodies.held == 5
    other.close()
    assert bodies.held == 0


@pytest.mark.parametrize("size", [500, 1_000_000, 3 * MIB])
def test_what_was_uploaded_is_read_back_and_no_room_stays_taken(client: Speaker, size: int) -> None:
    index, data = storage_index(), bytes(range(250)) * (size // 250)
    spin(client.upload(index, data))

    assert spin(client.read("immutable", index, 0, len(data))).body == data
    until(lambda: QuietSite.bodies.held == 0)


def test_a_client_that_hangs_up_while_it_uploads_leaves_no_room_taken(client: Speaker, server: S3StorageServer) -> None:
    index = storage_index()
    spin(client.allocate(index, MIB))
    head = (
        f"PATCH /storage/v1/immutable/{'a' * 26}/0 HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n".encode()
    )
    host, _, port = client.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head + bytes(1000))
        until(lambda: QuietSite.bodies.held == 1_000_000)
    until(lambda: QuietSite.bodies.held == 0)
    assert server.allocated_size() == MIB

"""The pump: bytes between listeners and machines."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from s4_devcloud.machines.carry import End
from s4_devcloud.machines.doors import Doors, tcp

HERE = "127.0.0.1"
MANY = "127.61.7.9"  # where nobody else listens
MEGABYTES = 200


@pytest.fixture
def doors() -> Iterator[Doors]:
    opened = Doors()
    yield opened
    opened.close()


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets until the end of it, then says bye."""
    listener = socket.create_server((HERE, 0))

    def answer(line: socket.socket) -> None:
        with line:
            while data := line.recv(1 << 18):
                line.sendall(data)
            line.sendall(b"bye")

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_end_of_one_direction_leaves_the_other_open(doors: Doors, echo: int, free_port: Callable[[], int]) -> None:
    port = free_port()
    doors.open("m", tcp(HERE, port), tcp(HERE, echo))

    with socket.create_connection((HERE, port)) as line:
        line.sendall(b"hello ")
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(100), b""))

    assert answer == b"hello bye"


def test_bulk_transfer_is_quick_and_a_slow_reader_costs_no_memory(
    doors: Doors, echo: int, free_port: Callable[[], int]
) -> None:
    port, block = free_port(), b"x" * (1 << 20)
    doors.open("m", tcp(HERE, port), tcp(HERE, echo))
    received, began = 0, time.monotonic()

    with socket.create_connection((HERE, port)) as line:

        def send() -> None:
            for _ in range(MEGABYTES):
                line.sendall(block)
            line.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        while data := line.recv(1 << 20):
            received += len(data)
        sender.join()

    assert received == MEGABYTES * len(block) + len(b"bye")
    assert time.monotonic() - began < 20  # both ways: 20 MB/s would be slow


def test_a_taken_port_is_told_and_nothing_opens(doors: Doors, echo: int) -> None:
    with pytest.raises(OSError, match="in use"):
        doors.open("m", tcp(HERE, echo), tcp(HERE, echo))


def test_forgetting_a_machine_closes_its_doors_and_no_others(
    doors: Doors, echo: int, free_port: Callable[[], int]
) -> None:
    mine, other = free_port(), free_port()
    doors.open("mine", tcp(HERE, mine), tcp(HERE, echo))
    doors.open("other", tcp(HERE, other), tcp(HERE, echo))

    doors.forget("mine")

    with socket.socket() as probe:
        assert probe.connect_ex((HERE, mine)) != 0
    with socket.create_connection((HERE, other)) as line:
        line.sendall(b"still")
        assert line.recv(5) == b"still"


def test_a_killed_pump_is_replaced_and_every_door_is_open_again(
    doors: Doors, echo: int, free_port: Callable[[], int]
) -> None:
    first, second = free_port(), free_port()
    doors.open("m", tcp(HERE, first), tcp(HERE, echo))
    assert doors._pump is not None
    os.kill(doors._pump.pid, signal.SIGKILL)
    doors._pump.wait()

    doors.open("m", tcp(HERE, second), tcp(HERE, echo))

    for port in (first, second):
        with socket.create_connection((HERE, port)) as line:
            line.sendall(b"x")
            assert line.recv(1) == b"x"


def test_thousands_of_doors_are_opened_at_once(doors: Doors, echo: int, record_property: Callable[..., None]) -> None:
    began = time.monotonic()

    errnos = doors.open_all("m", [(tcp(MANY, port), tcp(HERE, echo)) for port in range(20_000, 22_000)])

    record_property("note", f"2,000 doors of a machine: {time.monotonic() - began:.2f} s with the start of the pump")
    assert set(errnos) == {0}
    with socket.create_connection((MANY, 21_999)) as line:
        line.sendall(b"x")
        assert line.recv(1) == b"x"


class TestASilencedMachine:
    def test_neither_accepts_nor_refuses_a_connection(
        self, doors: Doors, echo: int, free_port: Callable[[], int]
    ) -> None:
        port = free_port()
        doors.open("m", tcp(HERE, port), tcp(HERE, echo))
        doors.silence("m")

        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection((HERE, port), 0.2)

    def test_closes_no_connection_and_says_nothing_on_it_until_it_is_back(
        self, doors: Doors, echo: int, free_port: Callable[[], int]
    ) -> None:
        port = free_port()
        doors.open("m", tcp(HERE, port), tcp(HERE, echo))
        with socket.create_connection((HERE, port), 0.3) as line:
            line.sendall(b"before")
            assert line.recv(10) == b"before"
            doors.silence("m")
            line.sendall(b"during")
            with pytest.raises(TimeoutError):
                line.recv(10)
            doors.speak("m")
            line.settimeout(10)
            assert line.recv(10) == b"during"
        with socket.create_connection((HERE, port), 10) as line:
            line.sendall(b"after")
            assert line.recv(10) == b"after"

    def test_keeps_its_own_way_out(self, doors: Doors, echo: int, free_port: Callable[[], int]) -> None:
        port = free_port()
        doors.open("m", {**tcp(HERE, port), "inner": True}, tcp(HERE, echo))

        doors.silence("m")

        with socket.create_connection((HERE, port), 10) as line:
            line.sendall(b"x")
            assert line.recv(1) == b"x"

    def test_is_silent_behind_a_new_door_and_a_new_pump_too(
        self, doors: Doors, echo: int, free_port: Callable[[], int]
    ) -> None:
        first, second = free_port(), free_port()
        doors.open("m", tcp(HERE, first), tcp(HERE, echo))
        doors.silence("m")
        assert doors._pump is not None
        os.kill(doors._pump.pid, signal.SIGKILL)
        doors._pump.wait()

        doors.open("m", tcp(HERE, second), tcp(HERE, echo))

        for port in (first, second):
            with pytest.raises(TimeoutError):
                socket.create_connection((HERE, port), 0.2)


class Line(asyncio.Transport):
    """A transport that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written.append(b"<eof>")


def test_what_comes_before_the_machine_is_reached_is_kept_for_it() -> None:
    outside, inside, line = End(), End(), Line()
    inside.connection_made(line)
    outside.data_received(b"SSH-2.0-")
    outside.data_received(b"client")
    outside.eof_received()

    outside.join(inside)

    assert line.written == [b"SSH-2.0-client", b"<eof>"]

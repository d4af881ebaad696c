"""A program that resolves names through the emulated Route 53, and follows them when they change."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cloud import LocalCloud
from support.hosted_zone import Zone
from support.resolver import Resolver, resolver

# Calls the name each time a line comes, and prints what the other side says: as a client that reconnects does.
CALLER = """
import socket, sys
for line in sys.stdin:
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as called:
            print(called.recv(100).decode(), flush=True)
    except OSError as failed:
        print(type(failed).__name__, flush=True)
"""
FIRST, SECOND = "127.62.3.1", "127.62.3.2"


@pytest.fixture
def names(cloud: LocalCloud, tmp_path: Path) -> Iterator[Resolver]:
    with resolver(cloud.ready["control"], tmp_path) as running:
        yield running


@pytest.fixture
def port() -> Iterator[int]:
    """The port at which two machines each say their address."""
    first = socket.create_server((FIRST, 0))
    number = int(first.getsockname()[1])
    servers = [first, socket.create_server((SECOND, number))]

    def serve(server: socket.socket) -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                line.sendall(server.getsockname()[0].encode())

    for server in servers:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
    yield number
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


class Caller:
    def __init__(self, names: Resolver, name: str, port: int) -> None:
        command = names.command(sys.executable, "-c", CALLER, name, str(port))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("now\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


def test_a_running_program_follows_a_name_that_changes(names: Resolver, zone: Zone, port: int) -> None:
    caller = Caller(names, f"grid.{zone.name}", port)
    before = caller.call()
    zone.change("CREATE", "grid", "A", FIRST)
    first = caller.call()
    zone.change("UPSERT", "grid", "A", SECOND)
    second = caller.call()
    caller.close()

    assert (before, first, second) == ("gaierror", FIRST, SECOND)


def test_the_machines_own_resolver_stays_as_it_is(names: Resolver, zone: Zone, port: int) -> None:
    zone.change("CREATE", "grid", "A", FIRST)
    ours = Path("/etc/resolv.conf").read_text()

    theirs = subprocess.run(names.command("cat", "/etc/resolv.conf"), check=True, capture_output=True, text=True).stdout

    assert names.address in theirs
    assert names.address not in ours
    assert Path("/etc/resolv.conf").read_text() == ours
    with pytest.raises(socket.gaierror):
        socket.create_connection((f"grid.{zone.name}", port), 10)


def test_the_program_is_the_process_that_was_started(names: Resolver) -> None:
    program = "import os; print(os.getpid())"
    with subprocess.Popen(names.command(sys.executable, "-c", program), stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        assert int(started.stdout.read()) == started.pid

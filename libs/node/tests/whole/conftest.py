"""Whole nodes, and clients of theirs in the process of the tests."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_node.s3.values import Store
from support.elsewhere import Elsewhere
from support.s3_control import S3Control
from support.s3_servers import Server
from support.speaking import PROTOCOLS, Protocol, Speak, Speaking, speak
from support.spinning import spin

MIB = 2**20
SMALL_PARTS = {"part_bytes": 5 * MIB, "spool_bytes": 64 * MIB}


@pytest.fixture
def node(tmp_path: Path, store: Store, s3_control: S3Control) -> Iterator[Elsewhere]:
    """A grid of this test's own, of which nothing is started yet."""
    node = Elsewhere(tmp_path / "grid", store, SMALL_PARTS)
    yield node
    node.end()


@pytest.fixture(scope="module")
def one_for_all(s3: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    name = f"b-{secrets.token_hex(8)}"
    s3.make_bucket(name)
    node = Elsewhere(tmp_path_factory.mktemp("grid"), s3.store(name), SMALL_PARTS)
    node.move()
    node.until_served()
    yield node
    node.end()


@pytest.fixture
def served(one_for_all: Elsewhere, s3_control: S3Control) -> Elsewhere:
    """A node that serves the tests of a module, one after the other; S3 is well before and after each."""
    return one_for_all


@pytest.fixture
def spoken() -> Iterator[Speak]:
    """Connects to a node; the connections end with the test."""
    open_ones: list[Speaking] = []

    def speaking(protocol: Protocol, node: Elsewhere) -> Speaking:
        open_ones.append(spin(speak(protocol, node)))
        return open_ones[-1]

    yield speaking
    for one in open_ones:
        spin(one.hang_up())


@pytest.fixture(params=PROTOCOLS)
def client(request: pytest.FixtureRequest, served: Elsewhere, spoken: Speak) -> Speaking:
    """A client of the module's node, over each protocol."""
    protocol: Protocol = request.param
    return spoken(protocol, served)

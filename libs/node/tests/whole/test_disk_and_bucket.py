"""A grid moves from its bucket to the stock disk backend and back: what is stored stays readable, and writable."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from allmydata.immutable.upload import Data
from allmydata.interfaces import MDMF_VERSION, SDMF_VERSION
from allmydata.mutable.publish import MutableData

from commands import BIN, free_port, run
from s4_node.nodes import Client
from s4_node.probe.client import connected_client
from s4_node.probe.request import Request
from support.elsewhere import Elsewhere
from support.serving import lay_out
from support.spinning import spin

KINDS = {"SDMF": SDMF_VERSION, "MDMF": MDMF_VERSION}


@contextmanager
def a_client(node: Elsewhere, folder: Path) -> Iterator[Client]:
    """An unmodified client of the grid that knows nothing yet."""
    client: Client = spin(connected_client(folder, Request(node.grid.introducer_furl, 1, 60.0), 30), 40)
    yield client
    spin(client.stopService())


@contextmanager
def on_the_disk(node: Elsewhere, home: Path) -> Iterator[Path]:
    """The same storage server as stock `tahoe run` serves it, with a storage directory that a copy has filled."""
    lay_out(node.at(free_port()), home)
    storage = home / "storage"
    (storage / "announcement-seqnum").write_text(f"{int(time.time()) + 1}\n")  # later than what the other announced
    assert run("s4-node", "copy", str(node.home), str(storage / "storage"), "--quiet").code == 0
    with (home / "log").open("wb") as log:
        served = subprocess.Popen(
            [str(BIN / "tahoe"), "run", "--allow-stdin-close", str(storage)], stdout=log, stderr=log
        )
    try:
        yield storage / "storage"
    finally:
        served.kill()
        served.wait()


def read(client: Client, caps: dict[str, bytes]) -> dict[str, bytes]:
    return {kind: spin(client.create_node_from_uri(cap).download_best_version(), 30) for kind, cap in caps.items()}


def overwrite(client: Client, cap: bytes, content: bytes) -> None:
    spin(client.create_node_from_uri(cap).overwrite(MutableData(content)), 30)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Tahoe-LAFS leaves files open
def test_a_grid_goes_to_a_stock_disk_node_and_back_and_is_written_to_at_each(node: Elsewhere, tmp_path: Path) -> None:
    contents: dict[str, bytes] = {"small": b"s" * 300, "large": bytes(range(256)) * 24_000}
    contents |= {kind: f"{kind} in a bucket".encode() * 100 for kind in KINDS}
    node.introduce()
    node.move().until_ready()
    with a_client(node, tmp_path / "first") as client:
        caps: dict[str, bytes] = {}
        for name in ("small", "large"):
            caps[name] = spin(client.upload(Data(contents[name], convergence=None)), 30).get_uri()
        for kind, version in KINDS.items():
            made: Any = spin(client.create_mutable_file(MutableData(contents[kind]), version=version), 30)
            caps[kind] = made.get_uri()
        assert read(client, caps) == contents
    node.kill()

    with on_the_disk(node, tmp_path / "disk") as storage, a_client(node, tmp_path / "second") as client:
        assert read(client, caps) == contents
        for kind in KINDS:
            contents[kind] = f"{kind} on a disk".encode() * 200
            overwrite(client, caps[kind], contents[kind])
        contents["new"] = b"stored on a disk" * 100
        caps["new"] = spin(client.upload(Data(contents["new"], convergence=None)), 30).get_uri()

    assert run("s4-node", "copy", str(storage), str(node.home), "--overwrite", "--quiet").code == 0
    node.again().until_ready()
    with a_client(node, tmp_path / "third") as client:
        assert read(client, caps) == contents
        for kind in KINDS:
            contents[kind] = f"{kind} in a bucket again".encode() * 50
            overwrite(client, caps[kind], contents[kind])
        assert read(client, caps) == contents
    assert run("s4-node", "verify", str(node.home), "--quiet", "--json").json["damaged"] == {}

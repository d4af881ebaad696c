"""A stock Tahoe-LAFS client that stores files of every kind, and another one that knows only their capabilities.

python conforming_client.py FURL DIRECTORY PROTOCOL      one JSON object on stdout: {"protocol", "same": {kind: bool}}
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from allmydata.client import create_client
from allmydata.immutable.upload import Data
from allmydata.interfaces import MDMF_VERSION, SDMF_VERSION
from allmydata.mutable.publish import MutableData
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from s4_node.probe.client import _passing_identity
from s4_node.silence import discard_logs

CONFIG = """\
[node]
nickname = conforming
web.port =
tub.port = disabled
tub.location = disabled
[client]
shares.needed = 1
shares.happy = 1
shares.total = 1
force_foolscap = {foolscap}
[storage]
enabled = false
"""
MIB = 2**20
SMALL, LARGE, MUTABLE, SEGMENTED = 20_000, 20 * MIB + 1, 5_000, 300_000
CONNECTED_WITHIN_SECONDS = 30.0


def content(name: str, size: int) -> bytes:
    """Bytes that no other name has, and that do not repeat."""
    return hashlib.shake_256(name.encode()).digest(size)


async def connected(directory: Path, furl: str, protocol: str) -> Any:
    """A client as `tahoe run` makes it."""
    (directory / "private").mkdir(parents=True)
    (directory / "tahoe.cfg").write_text(CONFIG.format(foolscap=protocol == "foolscap"))
    (directory / "private" / "introducers.yaml").write_text(f"introducers: {{it: {{furl: '{furl}'}}}}\n")
    (directory / "private" / "node.pem").write_bytes(_passing_identity())
    client: Any = await create_client(str(directory))
    client.startService()
    deadline = time.monotonic() + CONNECTED_WITHIN_SECONDS
    while not client.storage_broker.get_connected_servers():
        if time.monotonic() > deadline:
            raise TimeoutError("no storage server")
        await deferLater(reactor, 0.02)
    return client


async def store(client: Any) -> dict[str, tuple[bytes, bytes]]:
    """The capability of each kind of file, and what has to come back."""
    stored = {}
    for name, size in (("small", SMALL), ("large", LARGE)):
        results = await client.upload(Data(content(name, size), convergence=None))
        stored[name] = results.get_uri(), content(name, size)
    for name, size, version in (("sdmf", MUTABLE, SDMF_VERSION), ("mdmf", SEGMENTED, MDMF_VERSION)):
        node = await client.create_mutable_file(MutableData(content("first", size)), version=version)
        await node.overwrite(MutableData(content(name, size + 1000)))
        stored[name] = node.get_uri(), content(name, size + 1000)
    mdmf = client.create_node_from_uri(stored["mdmf"][0])
    changed = await mdmf.get_best_mutable_version()
    await changed.update(MutableData(b"changed"), SEGMENTED // 2)
    before = stored["mdmf"][1]
    stored["mdmf"] = stored["mdmf"][0], before[: SEGMENTED // 2] + b"changed" + before[SEGMENTED // 2 + 7 :]
    return stored


async def read(client: Any, stored: dict[str, tuple[bytes, bytes]]) -> dict[str, bool]:
    """Whether each came back as it was stored."""
    return {
        name: await client.create_node_from_uri(cap).download_best_version() == expected
        for name, (cap, expected) in stored.items()
    }


async def converse(furl: str, directory: Path, protocol: str) -> None:
    try:
        writer = await connected(directory / "writer", furl, protocol)
        stored = await store(writer)
        reader = await connected(directory / "reader", furl, protocol)
        (server,) = reader.storage_broker.get_connected_servers()
        print(json.dumps({"protocol": type(server).__name__, "same": await read(reader, stored)}), flush=True)
    except Exception as error:  # noqa: BLE001  whatever it is, the test is told its name
        print(json.dumps({"error": type(error).__name__}), flush=True)
    reactor.crash()


if __name__ == "__main__":
    discard_logs()
    introducer, folder, spoken = sys.argv[1:]
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(converse(introducer, Path(folder), spoken)))
    reactor.run()
    os._exit(0)  # the threads that encode would keep it

"""Unmodified Tahoe-LAFS clients of several grids, all in this process, each storing and reading one file after another.

python shard_clients.py FOLDER SECONDS KIB AT_ONCE      furls on stdin, in one line; each client has AT_ONCE files on
their way. Prints a line when all are connected, begins when it is told to, and prints for each client how many files it
has stored and read, and the longest that one took. Run by the node's own Python.
"""

import json
import os
import sys
import time
from pathlib import Path

from allmydata.immutable.upload import Data  # type: ignore[import-not-found]  # not in the environment that is checked
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from s4_node.nodes import Client  # type: ignore[import-not-found]
from s4_node.probe.client import connected_client  # type: ignore[import-not-found]
from s4_node.probe.request import Request  # type: ignore[import-not-found]
from s4_node.silence import discard_logs  # type: ignore[import-not-found]

CONNECT_SECONDS = 60.0


async def one_after_another(client: Client, size: int, until: float, seconds: list[float]) -> None:
    while (began := time.monotonic()) < until:
        content = os.urandom(size)
        results = await client.upload(Data(content, convergence=None))
        if await client.create_node_from_uri(results.get_uri()).download_best_version() != content:
            raise SystemExit("what was read is not what was stored")
        seconds.append(time.monotonic() - began)


async def measure(folder: Path, seconds: float, size: int, at_once: int, furls: list[str]) -> None:
    clients = [
        await connected_client(folder / str(number), Request(furl, 1, CONNECT_SECONDS), CONNECT_SECONDS)
        for number, furl in enumerate(furls)
    ]
    print(json.dumps({"connected": len(clients)}), flush=True)
    await deferToThread(sys.stdin.readline)
    until = time.monotonic() + seconds
    taken: list[list[float]] = [[] for _ in clients]
    work = [
        Deferred.fromCoroutine(one_after_another(client, size, until, taken[number]))
        for number, client in enumerate(clients)
        for _ in range(at_once)
    ]
    await gatherResults(work)
    print(json.dumps([{"files": len(one), "longest": max(one, default=seconds)} for one in taken]), flush=True)


def main() -> None:
    folder, (seconds, kib, at_once) = Path(sys.argv[1]), map(int, sys.argv[2:])
    furls = sys.stdin.readline().split()
    discard_logs()

    def ended(failure: object) -> None:
        if failure is not None:
            print(failure, file=sys.stderr, flush=True)
        os._exit(0 if failure is None else 1)  # lookups and hashing keep threads alive

    reactor.callWhenRunning(
        lambda: Deferred.fromCoroutine(measure(folder, seconds, kib * 1024, at_once, furls)).addBoth(ended)
    )
    reactor.run()


if __name__ == "__main__":
    main()

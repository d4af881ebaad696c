"""A client that stays: it stores two files, then reads them back each time it is told to.

python running_client.py FURL DIRECTORY      one word per line on stdin: "read" or "end"
"""

import json
import sys
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from s4_node.probe.client import connected_client
from s4_node.probe.request import Request
from s4_node.probe.trial import mutable_file_keys, read_back, store
from s4_node.silence import discard_logs

PATIENCE_SECONDS = 30.0


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


async def converse(request: Request, directory: Path) -> None:
    client = await connected_client(directory, request, PATIENCE_SECONDS)
    stored = await store(client, mutable_file_keys())
    say(stored=True)
    while (word := (await deferToThread(sys.stdin.readline)).strip()) in {"read", "read once"}:
        deadline = time.monotonic() + (PATIENCE_SECONDS if word == "read" else 0)
        while True:
            try:
                await read_back(client, stored)
            except Exception as error:  # noqa: BLE001  whatever it is, the test is told its name
                if time.monotonic() > deadline:
                    say(read=False, error=type(error).__name__)
                    break
                await deferLater(reactor, 0.1)
            else:
                say(read=True)
                break
    reactor.crash()


if __name__ == "__main__":
    discard_logs()
    furl, folder = sys.argv[1:]
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(converse(Request(furl, 1, 60.0), Path(folder))))
    reactor.run()

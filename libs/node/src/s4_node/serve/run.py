"""`s4-node run DIR`: the introducer in DIR/introducer and the storage server in DIR/storage, in one reactor."""

import os
import sys
import time
from pathlib import Path

from s4_node.imports import uncollected
from s4_node.serve.ports import Listening, PortTaken, listening_of, require_free

NODES = ("introducer", "storage")


def serve(directory: Path) -> int:
    """Serve until SIGTERM; 1 when the grid cannot be served, after one line that says why."""
    started = time.monotonic()
    try:
        addresses = {name: listening_of(directory / name) for name in NODES}
        for address in addresses.values():
            require_free(address)
    except (OSError, ValueError, PortTaken) as error:
        print(f"s4-node: {error}", file=sys.stderr)
        return 1
    return _serve(directory, addresses["introducer"], started)


def _serve(directory: Path, introducer: Listening, started: float) -> int:
    with uncollected():
        from twisted.internet import reactor

        from s4_node.serve.grid import Grid
        from s4_node.serve.logs import log_errors_only, say
        from s4_node.serve.sdnotify import notify

    log_errors_only()
    grid = Grid(directory, introducer)
    failures: list[str] = []

    def ready(_: object) -> None:
        say("serving", seconds=round(time.monotonic() - started, 2))
        notify(os.environ, "READY=1")

    def failed(why: str) -> None:
        failures.append(why)
        say(why)
        reactor.stop()

    reactor.callWhenRunning(lambda: grid.start(failed).addCallback(ready))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: notify(os.environ, "STOPPING=1"))
    reactor.addSystemEventTrigger("before", "shutdown", grid.stop)
    reactor.run()
    return 1 if failures else 0

"""`s4-node probe`: a request on stdin, one JSON object on stdout, 0 when the grid did its work."""

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NoReturn, TextIO

from s4_node.imports import uncollected
from s4_node.probe.request import BadRequest, Request, parse

# A reactor that is stuck, or an import that is, is ended from another thread after this.
LAST_RESORT_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command takes no words: what it is asked is a secret, and comes on stdin."""
    parser.description = (
        "Prove a grid as a client would: store a file and a mutable file, and read both back. The request is JSON on "
        'stdin, {"furl": "pb://...", "shares": 1, "timeout_seconds": 60}; the answer is JSON on stdout, and 0 when the '
        "grid did its work."
    )


def main(_args: argparse.Namespace) -> int:
    """Answer what is on stdin."""
    return probe(sys.stdin.buffer.read(), sys.stdout)


def probe(body: bytes, out: TextIO) -> int:
    """Answer `body`; does not return once a client was started, because lookups of names may keep threads alive."""
    started = time.monotonic()
    try:
        request = parse(body)
    except BadRequest as error:
        print(f"s4-node: {error}", file=sys.stderr)
        print(json.dumps({"ok": False, "code": "bad-request"}), file=out)
        return 2
    # made when the client is, by then a SIGTERM is seen by the reactor and not the end of us
    directory = Path(tempfile.gettempdir()) / f"s4-probe-{secrets.token_hex(8)}"

    def end(answer: dict[str, Any]) -> NoReturn:
        shutil.rmtree(directory, ignore_errors=True)
        answer["total_seconds"] = round(time.monotonic() - started, 3)
        print(json.dumps(answer), file=out, flush=True)
        os._exit(0 if answer["ok"] else 1)

    last_resort = threading.Timer(
        request.timeout_seconds + LAST_RESORT_SECONDS, end, [{"ok": False, "code": "timeout"}]
    )
    last_resort.daemon = True
    last_resort.start()
    return end(_answer(request, directory, started + request.timeout_seconds))


def _answer(request: Request, directory: Path, deadline: float) -> dict[str, Any]:
    with uncollected():
        from twisted.internet import reactor

        from s4_node.probe.proof import prove
        from s4_node.silence import discard_logs

    discard_logs()
    answers: list[dict[str, Any]] = []

    def answered(answer: dict[str, Any]) -> None:
        answers.append(answer)
        reactor.crash()  # returns from run() at once; nothing in this process is worth an orderly end

    reactor.callWhenRunning(lambda: prove(request, directory, deadline).addCallback(answered))
    reactor.callLater(max(0.0, deadline - time.monotonic()), answered, {"ok": False, "code": "timeout"})
    reactor.run()
    return answers[0] if answers else {"ok": False, "code": "timeout"}

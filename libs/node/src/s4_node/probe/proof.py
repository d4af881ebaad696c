"""The proof of a grid, step by step and with the time that each step took."""

import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from s4_node.probe.client import connected_client
from s4_node.probe.request import Code, Failed, Request
from s4_node.probe.trial import mutable_file_keys, read_back, store

# What is left of the time after connecting is for storing and reading.
CONNECT_SHARE = 0.7


def prove(request: Request, directory: Path, deadline: float) -> "Deferred[dict[str, Any]]":
    """Fire with the answer: {"ok": True, seconds of each step} or {"ok": False, "code"}."""
    step: list[Code] = ["introducer-unreachable"]

    def failed(failure: Failure) -> dict[str, Any]:
        code = failure.value.code if isinstance(failure.value, Failed) else step[-1]
        print(f"s4-node: {code}: {failure.type.__name__}", file=sys.stderr)
        return {"ok": False, "code": code}

    proof: Deferred[dict[str, Any]] = Deferred.fromCoroutine(_prove(request, directory, deadline, step))
    return proof.addErrback(failed)


async def _prove(request: Request, directory: Path, deadline: float, step: list[Code]) -> dict[str, Any]:
    clock = [time.monotonic()]

    def lap() -> float:
        clock.append(time.monotonic())
        return round(clock[-1] - clock[-2], 3)

    keys = mutable_file_keys()
    client = await connected_client(directory, request, CONNECT_SHARE * (deadline - clock[0]))
    answer: dict[str, Any] = {"ok": True, "connect_seconds": lap()}
    step.append("put-failed")
    stored = await store(client, keys)
    answer["put_seconds"] = lap()
    step.append("get-failed")
    await read_back(client, stored)
    answer["get_seconds"] = lap()
    return answer

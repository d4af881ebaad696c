"""The proof: a real client, in a process of its own, stores a file through a grid and reads it back."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import timedelta

import msgspec

from s4_runtime import Permanent, Secret, Temporary

# Nothing else of our environment reaches the probe: it needs no credential of ours.
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


class ProbeMissing(Permanent):
    """The probe's program cannot be started."""


class Unproved(Temporary):
    """The client did not get its file back. The code says how far it came."""


class NotStored(Unproved):
    """The client reached a storage server, which did not take its file."""


class Proof(msgspec.Struct, frozen=True):
    """How long the client took, from its start to the comparison."""

    seconds: float


class _Answer(msgspec.Struct):
    ok: bool
    code: str = "probe-failed"
    total_seconds: float = 0.0


class Probe:
    """Starts the client. Only ``at_once`` of them run at a time: each takes a processor for some seconds."""

    def __init__(self, command: list[str], limit: timedelta, at_once: int) -> None:
        self._command = command
        self._limit = limit
        self._turns = asyncio.Semaphore(at_once)

    async def prove(self, furl: Secret) -> Proof:
        """The furl works: a file and a small mutable file came back whole. Raises Unproved, ProbeMissing."""
        async with self._turns:
            printed = await self._run(msgspec.json.encode({"furl": furl.reveal(), "shares": 1}))
        try:
            answer = msgspec.json.decode(printed, type=_Answer)
        except msgspec.DecodeError:
            raise Unproved("probe-unreadable") from None
        if not answer.ok:
            kind = NotStored if answer.code == "put-failed" else Unproved
            raise kind(f"probe-{answer.code}" if answer.code in _CODES else "probe-failed")
        return Proof(answer.total_seconds)

    async def _run(self, standard_input: bytes) -> bytes:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError:
            raise ProbeMissing("probe-missing") from None
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                printed, _ = await process.communicate(standard_input)
        except TimeoutError:
            raise Unproved("probe-timeout") from None
        finally:
            await _end(process)
        return printed


_CODES = frozenset({"introducer-unreachable", "no-storage-server", "put-failed", "get-failed", "mismatch", "timeout"})


async def _end(process: asyncio.subprocess.Process) -> None:
    """The process and all that it started are gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()

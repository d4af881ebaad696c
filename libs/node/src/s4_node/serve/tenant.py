"""One grid of a process that serves many: opened, opened again when it could not be, and closed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from s4_node.redaction import redacted
from s4_node.serve.condition import Condition, State
from s4_node.serve.grid import Grid
from s4_node.serve.look import BucketLook
from s4_node.serve.places import places_of
from s4_node.wire.shield import unharmed

if TYPE_CHECKING:
    from s4_node.storage.shared import Shared

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 300.0
# Opening a grid takes the reactor for a tenth of a second: so long the others are served in between.
BREATH_SECONDS = 0.05
# What makes a grid what it is. Other files in its directories are written by the nodes themselves.
CONFIGURATION = (
    "tahoe.cfg",
    "permutation-seed",
    *(
        f"private/{name}"
        for name in ("node.pem", "node.privkey", "introducer.furl", "storage.furl", "introducers.yaml")
    ),
)

_log = Logger()


class Tenant:
    """A grid in `directory`. `turns` is held while it is opened: one grid of a process at a time.

    Without `again` the first failure is the last.
    """

    def __init__(
        self,
        grid_id: str,
        directory: Path,
        shared: "Shared",
        *,
        turns: DeferredLock,
        clock: IReactorTime,
        again: bool = True,
    ) -> None:
        self.grid_id = grid_id
        self._again = again
        self._directory, self._shared, self._turns, self._clock = directory, shared, turns, clock
        self._state: State = "waiting"
        self._why = ""
        self._grid: Grid | None = None
        self._look: BucketLook | None = None
        self._configuration: dict[str, str] = {}
        self._life: Deferred[None] | None = None
        self._opening: Deferred[None] = succeed(None)
        self._closing: Deferred[None] = succeed(None)
        self._tried: list[Deferred[None]] = []

    def start(self) -> None:
        """Open it, and again until it is served."""
        self._state, self._why = "waiting", ""
        self._life = Deferred.fromCoroutine(self._live())
        self._life.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def stop(self) -> "Deferred[None]":
        """It is served no more, and has given back what it had."""
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
        self._settle()
        return Deferred.fromCoroutine(self._close("stopping"))

    def tried(self) -> "Deferred[None]":
        """Fires once it is served, or could not be at the first attempt."""
        answer: Deferred[None] = Deferred()
        self._tried.append(answer)
        if self._state in {"serving", "failed"}:
            self._settle()
        return answer

    @property
    def is_as_configured(self) -> bool:
        """It is served, or will be, with the files that are in its directory now."""
        if self._state == "waiting":
            return True
        try:
            present = configuration_of(self._directory)
        except OSError:  # it is tried again, and will say so itself
            return False
        if self._state == "starting":
            return self._configuration.items() <= present.items()
        return self._state == "serving" and self._configuration == present

    @property
    def condition(self) -> Condition:
        """How it is."""
        grid = self._grid
        return Condition(
            self._state,
            self._why,
            listening=grid is not None and grid.listens,
            announced=grid.is_announced if grid is not None else False,
            bucket=self._look.seen if self._look else None,
            usage=grid.stored if grid is not None else None,
        )

    async def _live(self) -> None:
        for pause in _back_off():
            attempt = Deferred.fromCoroutine(self._attempt())
            await attempt.addErrback(self._could_not, pause)
            if self._state == "serving" or not self._again:
                return
            await deferLater(self._clock, pause)

    async def _attempt(self) -> None:
        began = self._clock.seconds()
        await self._turns.run(lambda: Deferred.fromCoroutine(self._begin()))
        await self._opening
        self._opened()
        await self._announce()
        self._state, self._why = "serving", ""
        _log.info("grid.serving", grid=self.grid_id, seconds=round(self._clock.seconds() - began, 2))
        self._settle()

    def _could_not(self, failure: Failure, pause: float) -> "Failure | Deferred[None]":
        """Whatever is wrong with this grid, the others are served."""
        if failure.check(CancelledError):
            return failure
        return Deferred.fromCoroutine(self._failed(_reason(failure), pause))

    async def _failed(self, why: str, pause: float) -> None:
        await self._close("failed", why)
        again = {"again_in_seconds": pause} if self._again else {}
        _log.error("grid.failed", grid=self.grid_id, why=why, **again)
        self._settle()

    async def _begin(self) -> None:
        """Do all that takes the processor; a bucket that does not answer is waited for when it is others' turn."""
        self._state = "starting"
        self._configuration = configuration_of(self._directory)
        self._grid = Grid(self.grid_id, places_of(self._directory), self._shared)
        self._opening = Deferred.fromCoroutine(self._grid.open())
        await deferLater(self._clock, BREATH_SECONDS)

    def _opened(self) -> None:
        # what was not there before was made by the nodes themselves
        self._configuration = {**configuration_of(self._directory), **self._configuration}
        server = self._grid.bucket_server if self._grid else None
        if server is not None:
            metrics = self._shared.metrics
            metrics.watch(self.grid_id, server.readings)
            self._look = BucketLook(self.grid_id, server.objects, metrics.bucket(self.grid_id), self._clock)
            self._look.start()

    async def _announce(self) -> None:
        if self._grid is not None:
            await self._grid.announced()

    async def _close(self, state: State, why: str = "") -> None:
        self._state, self._why = state, why
        self._opening.cancel()
        self._opening.addErrback(lambda _: None)  # who waited for it knows
        if self._look is not None:
            self._look.stop()
        grid, self._grid, self._look = self._grid, None, None
        if grid is not None:
            self._closing = unharmed(grid.close())
        await unharmed(self._closing)
        self._shared.metrics.forget(self.grid_id)

    def _settle(self) -> None:
        told, self._tried = self._tried, []
        for answer in told:
            answer.callback(None)


def configuration_of(directory: Path) -> dict[str, str]:
    """A digest of each file that makes the grid what it is, by its path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for node in (directory, directory / "introducer", directory / "storage")
        for path in (node / name for name in CONFIGURATION)
        if path.is_file()
    }


def _back_off() -> Iterator[float]:
    pause = FIRST_RETRY_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, LAST_RETRY_SECONDS)


def _reason(failure: Failure) -> str:
    """One line, without a secret."""
    return redacted((failure.getErrorMessage() or failure.type.__name__).partition("\n")[0])

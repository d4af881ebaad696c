"""What a client is told when something fails, and what the operator is: one table for both protocols."""

from typing import NamedTuple

from allmydata.interfaces import BadWriteEnablerError, ConflictingWriteError, DataTooLargeError, NoSpace
from allmydata.storage.common import UnknownContainerVersionError
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http

from s4_node.s3.errors import ConditionFailed, Missing, S3Error, Unavailable
from s4_node.storage.conditions import ConditionsIgnored
from s4_node.storage.mutable_container import DamagedContainer
from s4_node.storage.reader import DamagedShare, NoSuchShare
from s4_node.storage.spool import SpoolFull
from s4_node.storage.upload import UploadEnded
from s4_node.workers import Stopped

SAY_AGAIN_SECONDS = 60.0  # the same trouble with every request is one line a minute


class Told(NamedTuple):
    """A failure as a client sees it: HTTP's status, and words without any secret."""

    status: int
    words: str


# The first that fits. No client of 1.20.0 asks again by itself: 503 and 507 are for people and for later clients.
_TABLE: tuple[tuple[type[BaseException], Told], ...] = (
    (BadWriteEnablerError, Told(http.UNAUTHORIZED, "wrong write enabler")),
    (ConflictingWriteError, Told(http.CONFLICT, "conflicts with what was written before")),
    (DataTooLargeError, Told(http.REQUEST_ENTITY_TOO_LARGE, "more than the share may hold")),
    (NoSpace, Told(http.INSUFFICIENT_STORAGE_SPACE, "no space left")),
    (SpoolFull, Told(http.INSUFFICIENT_STORAGE_SPACE, "no space left for uploads")),
    (NoSuchShare, Told(http.NOT_FOUND, "no such share")),
    (Missing, Told(http.NOT_FOUND, "no such share any more")),
    (UploadEnded, Told(http.NOT_FOUND, "no such upload any more")),
    *(
        (kind, Told(http.INTERNAL_SERVER_ERROR, "the share is damaged"))
        for kind in (DamagedShare, DamagedContainer, UnknownContainerVersionError)
    ),
    (ConditionFailed, Told(http.SERVICE_UNAVAILABLE, "the share is being changed")),
    (Unavailable, Told(http.SERVICE_UNAVAILABLE, "the object store does not answer")),
    (Stopped, Told(http.SERVICE_UNAVAILABLE, "the storage server stops")),
    (ConditionsIgnored, Told(http.INTERNAL_SERVER_ERROR, "the object store cannot be written to safely")),
    (S3Error, Told(http.INTERNAL_SERVER_ERROR, "the object store refuses")),
)
_OTHERWISE = Told(http.INTERNAL_SERVER_ERROR, "the storage server failed")


class Refused(Exception):
    """What a Foolscap client is told."""


class Failures:
    """Says to the client what went wrong, and to the log what the operator can do something about."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, grid: str = "") -> None:
        self._clock, self._grid = clock, grid
        self._said: dict[str, float] = {}

    def told(self, failure: Failure) -> Told:
        """What the client is told."""
        answer = next((told for kind, told in _TABLE if isinstance(failure.value, kind)), _OTHERWISE)
        if answer.status >= http.INTERNAL_SERVER_ERROR and not failure.check(CancelledError):
            self._say(failure, answer)
        return answer

    def refused(self, failure: Failure) -> Failure:
        """The same for a Foolscap client, to be sent."""
        return Failure(Refused(self.told(failure).words))

    def _say(self, failure: Failure, answer: Told) -> None:
        error = failure.value
        trouble = f"{error.code} {error.status}" if isinstance(error, S3Error) else type(error).__name__
        now = self._clock.seconds()
        if now - self._said.get(trouble, -SAY_AGAIN_SECONDS) < SAY_AGAIN_SECONDS:
            return
        self._said[trouble] = now
        if answer is _OTHERWISE:
            self._log.failure("request.failed", failure, grid=self._grid)
        else:
            self._log.error(
                "request.failed", grid=self._grid, told=answer.words, error=str(error) or type(error).__name__
            )

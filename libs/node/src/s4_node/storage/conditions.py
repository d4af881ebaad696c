"""Whether the store keeps its word on conditional writes: two nodes that meet in one bucket depend on it."""

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.capabilities import Capabilities
from s4_node.settings import StorageSettings

_log = Logger()


class ConditionsIgnored(Exception):
    """The store overwrites what it was told not to, and the settings do not say that this is the only writer."""

    def __str__(self) -> str:
        return "the store ignores conditions on writes: only with single_writer = true"


class Conditions:
    """Found out by doing it, once, for whoever first wants to write; a store that did not answer is asked again.

    Amazon's store is known (S3 User Guide, "Conditional writes"), and with single_writer nothing depends on it.
    """

    def __init__(self, objects: Objects, settings: StorageSettings) -> None:
        self._objects = objects
        self._are_kept: bool | None = True if settings.single_writer or not settings.store.endpoint else None
        self._waiting: list[Deferred[None]] = []

    async def required(self) -> None:
        """The store may be written to. Raises ConditionsIgnored, and S3Error when it cannot be found out now."""
        if self._are_kept is None:
            await self._found_out()
        if not self._are_kept:
            raise ConditionsIgnored

    def _found_out(self) -> "Deferred[None]":
        answer: Deferred[None] = Deferred()
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            self._objects.capabilities().addCallback(self._is).addBoth(self._tell)
        return answer

    def _is(self, found: Capabilities) -> None:
        self._are_kept = found.allows_two_writers
        if not self._are_kept:
            _log.error(
                "store.ignores-conditions", grid=self._objects.grid, remedy="another store, or single_writer = true"
            )

    def _tell(self, outcome: Failure | None) -> None:
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            answer.callback(outcome)  # a Failure becomes an errback

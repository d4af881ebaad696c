"""Tahoe-LAFS' own tests, against this project's storage server: what their modules name is replaced from outside."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from allmydata import client
from allmydata.storage.lease import LeaseInfo
from twisted.internet.defer import Deferred, maybeDeferred

from s4_node.metrics import Metrics
from s4_node.nodes import S3Client
from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Stat, Store
from s4_node.settings import MIB, Caps, StorageSettings
from s4_node.storage import layout
from s4_node.storage.cache import GridCache
from s4_node.storage.leases import LeaseBook
from s4_node.storage.server import S3StorageServer
from s4_node.storage.shared import Shared
from s4_node.storage.usage import Usage
from support.spinning import reactor, spin

T = TypeVar("T")

NOT_OURS = ("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # Foolscap leaves files open


class InlineLane:
    """Makes each call in the thread that asks, with the clock's next step: for tests that have no running reactor.

    Without a clock it makes them at once.
    """

    name = "of a test"

    def __init__(self, clock: Any = None) -> None:
        self._clock = clock

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> "Deferred[T]":
        if self._clock is None:
            return maybeDeferred(function, *args, **kwargs)
        answer: Deferred[T] = Deferred()
        self._clock.callLater(0, lambda: maybeDeferred(function, *args, **kwargs).chainDeferred(answer))
        return answer

    call_unhurried = call

    def hurry(self, answer: object) -> None:
        """It has been made already."""


class TestsClock:
    """A clock that a test exchanges while its server goes on using it."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    def seconds(self) -> float:
        return float(self.clock.seconds())

    def callLater(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  Twisted's name
        return self.clock.callLater(*args, **kwargs)


class SuiteServer(S3StorageServer):
    """With what Tahoe-LAFS' tests do to a storage server beside its protocols: exchange its clock, read its leases."""

    def __init__(self, settings: StorageSettings, objects: Objects, cache: GridCache, *rest: Any, **named: Any) -> None:
        named["clock"] = TestsClock(named["clock"])
        super().__init__(settings, objects, cache, *rest, **named)
        self._leases.within = 0.0  # they renew a lease a moment after it was made, and look at the seconds
        self._tests_store = settings.store

    @property
    def _clock(self) -> TestsClock:
        return self._tests_clock

    @_clock.setter
    def _clock(self, clock: Any) -> None:
        if isinstance(clock, TestsClock):
            self._tests_clock = clock
        else:
            self._tests_clock.clock = clock

    def get_leases(self, storage_index: bytes) -> Iterable[LeaseInfo]:
        objects = inline_objects(self._tests_store)
        clock = self._tests_clock
        listed: list[Stat] = now(objects.list(layout.shares_of(storage_index)))
        shares = {int(stat.key.rpartition("/")[2]): stat for stat in listed}
        book = LeaseBook(objects, Usage(objects, clock), clock)
        leases: list[LeaseInfo] = now(Deferred.fromCoroutine(book.effective(storage_index, shares)))
        return leases

    get_slot_leases = get_leases


def inline_objects(store: Store, clock: Any = None) -> Objects:
    return Objects(Bucket(store), InlineLane(clock))  # type: ignore[arg-type]  # all of a lane that Objects uses


def now(answer: "Deferred[Any]") -> Any:
    """The result of what has one already."""
    results: list[Any] = []
    answer.addCallback(results.append)
    [result] = results
    return result


def settings(store: Store, folder: Path) -> StorageSettings:
    """Where a server of Tahoe-LAFS' tests stores: under a prefix that the same folder always gets."""
    prefix = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16] + "/"
    return StorageSettings(replace(store, prefix=prefix), folder / "spool", Caps(mutable_bytes=128 * MIB))


class SuiteShared(Shared):
    """Makes servers for Tahoe-LAFS' tests."""

    def storage_server(self, settings: StorageSettings, nodeid: bytes, *, grid: str, **rest: Any) -> SuiteServer:
        lane = self.workers.lane(grid, settings.caps.requests)
        return SuiteServer(
            settings,
            Objects(Bucket(settings.store), lane),
            self.cache.for_grid(grid, settings.caps.cache_bytes),
            nodeid,
            clock=self._reactor,
            left=lane.close,
            **rest,
        )


class SuiteNode(S3Client):
    """With the web page by which Tahoe-LAFS' tests use a node as a client."""

    init_web = client._Client.init_web


@contextmanager
def nodes_in_a_bucket(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nodes that Tahoe-LAFS' tests create store in this bucket, each under a prefix of its own."""
    shared = SuiteShared(Metrics(), reactor=reactor)
    stock = client.create_client

    def create_client(folder: str = ".", _client_factory: object = None) -> "Deferred[SuiteNode]":
        created: Deferred[SuiteNode] = stock(folder, partial(SuiteNode, settings(store, Path(folder)), shared, folder))
        return created

    shared.start()
    monkeypatch.setattr(client, "create_client", create_client)
    yield
    spin(shared.stop())

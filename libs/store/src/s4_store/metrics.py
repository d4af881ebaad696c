"""How much of the database's connections is used, and who waits for one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

import asyncpg
from prometheus_client import Gauge, Histogram

IN_USE = Gauge("s4_database_connections_in_use", "Connections of this process with somebody's work on them.")
MOST = Gauge("s4_database_connections_most", "Connections that this process may have at once.")
WAITING = Gauge("s4_database_waiting", "Who waits in this process for a connection.")
ACQUIRE_SECONDS = Histogram(
    "s4_database_acquire_seconds",
    "How long it took to get a connection.",
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10),
)


class Use:
    """What one pool tells."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        _OPEN.add(self)

    @property
    def most(self) -> int:
        """How many connections it may have; none once it is closed."""
        return 0 if self._pool.is_closing() else self._pool.get_max_size()

    @property
    def in_use(self) -> int:
        """How many of them are at work."""
        return self._pool.get_size() - self._pool.get_idle_size()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Somebody waits for a connection as long as the block lasts."""
        began = time.monotonic()
        WAITING.inc()
        try:
            yield
        finally:
            WAITING.dec()
            ACQUIRE_SECONDS.observe(time.monotonic() - began)


_OPEN: WeakSet[Use] = WeakSet()
IN_USE.set_function(lambda: sum(use.in_use for use in list(_OPEN)))
MOST.set_function(lambda: sum(use.most for use in list(_OPEN)))

"""How many live streams are open here, and by whom: nobody may hold so many that others get none."""

import asyncio
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from s4_web.troubles import Refused

OPEN = Gauge("web_streams", "Live status streams that are open at this replica.")
REFUSED = Counter("web_streams_refused_total", "Live status streams that were refused, by what was full.", ["full"])


def as_many_as_allowed() -> int:
    """This process may have as many files open as the system lets it: each stream is one. How many that is."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Streams:
    """The open streams of this replica, by each thing that is limited."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], set[asyncio.Transport]] = {}

    @contextmanager
    def one(self, connection: asyncio.Transport, limits: Mapping[tuple[str, str], int]) -> Iterator[None]:
        """One more, as long as the block lasts, counted under each of the keys. Raises Refused where one is full."""
        for key, limit in limits.items():
            if len(self._open.get(key, ())) >= limit and self._alive(key) >= limit:
                REFUSED.labels(key[0]).inc()
                raise Refused("too-many-streams")
        for key in limits:
            self._open.setdefault(key, set()).add(connection)
        OPEN.inc()
        try:
            yield
        finally:
            OPEN.dec()
            for key in limits:
                self._open[key].discard(connection)
                if not self._open[key]:
                    del self._open[key]

    def _alive(self, key: tuple[str, str]) -> int:
        # Whose browser is gone ends with its next sign of life; until then it takes no place.
        return sum(not each.is_closing() for each in self._open[key])

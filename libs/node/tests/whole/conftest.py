"""Whole nodes, and clients of theirs in the process of the tests."""

from collections.abc import Iterator

import pytest
from twisted.internet import reactor


@pytest.fixture(scope="session", autouse=True)
def _threads_of_clients() -> Iterator[None]:
    """The threads in which Tahoe-LAFS' clients encode what they send; nothing else ends them."""
    yield
    reactor.getThreadPool().stop()

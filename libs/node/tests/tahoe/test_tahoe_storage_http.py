"""allmydata.test.test_storage_http: the stock HTTP client, and this project's HTTP server and storage server."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from s4_node.s3.values import Store
from s4_node.storage.cache import Cache
from s4_node.wire.http import HTTPStorage
from support.tahoe_suites import SuiteServer, inline_objects, settings
from support.their_tests import their_tests

theirs = their_tests("test_storage_http")
CustomHTTPServerTests = theirs.CustomHTTPServerTests
ExtractSecretsTests = theirs.ExtractSecretsTests
GenericHTTPAPITests = theirs.GenericHTTPAPITests
HTTPUtilities = theirs.HTTPUtilities
ImmutableHTTPAPITests = theirs.ImmutableHTTPAPITests
ImmutableSharedTests = theirs.ImmutableSharedTests
MutableHTTPAPIsTests = theirs.MutableHTTPAPIsTests
MutableSharedTests = theirs.MutableSharedTests
RouteConverterTests = theirs.RouteConverterTests


@pytest.fixture(autouse=True)
def _ours(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def storage_server(folder: str, nodeid: bytes, *, clock: Any) -> SuiteServer:
        where = settings(store, Path(folder))
        cache = Cache(2**26).for_grid("", 2**26)
        return SuiteServer(where, inline_objects(where.store, clock), cache, nodeid, clock=clock)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(theirs, "StorageServer", storage_server)
    monkeypatch.setattr(theirs, "HTTPServer", HTTPStorage)
    monkeypatch.setattr(theirs.HttpTestFixture, "result_of_with_flush", soon_told)


wait = theirs.HttpTestFixture.result_of_with_flush


def soon_told(fixture: Any, awaited: Any) -> object:
    """Their way to wait, which looks for an error only before the first step and after the last of ten thousand."""
    failures: list[Failure] = []
    answer = wait(fixture, ensureDeferred(awaited).addErrback(failures.append))
    if failures:
        failures[0].raiseException()
    return answer

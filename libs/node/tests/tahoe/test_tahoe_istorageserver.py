"""allmydata.test.test_istorageserver: stock clients over both protocols, with our storage server behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_node.s3.values import Store
from s4_node.storage.server import S3StorageServer
from support.tahoe_suites import NOT_OURS, nodes_in_a_bucket
from support.their_tests import their_tests

theirs = their_tests("test_istorageserver")
FoolscapImmutableAPIsTests = theirs.FoolscapImmutableAPIsTests
FoolscapMutableAPIsTests = theirs.FoolscapMutableAPIsTests
FoolscapSharedAPIsTests = theirs.FoolscapSharedAPIsTests
HTTPImmutableAPIsTests = theirs.HTTPImmutableAPIsTests
HTTPMutableAPIsTests = theirs.HTTPMutableAPIsTests
HTTPSharedAPIsTests = theirs.HTTPSharedAPIsTests

pytestmark = pytest.mark.filterwarnings(*NOT_OURS)


@pytest.fixture(autouse=True)
def _ours(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(theirs, "StorageServer", S3StorageServer)
    with nodes_in_a_bucket(store, monkeypatch):
        yield

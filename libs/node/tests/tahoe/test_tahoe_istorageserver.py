"""allmydata.test.test_istorageserver: stock clients over both protocols, with our storage server behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from allmydata.test import test_istorageserver as theirs
from allmydata.test.test_istorageserver import (
    FoolscapImmutableAPIsTests,
    FoolscapMutableAPIsTests,
    FoolscapSharedAPIsTests,
    HTTPImmutableAPIsTests,
    HTTPMutableAPIsTests,
    HTTPSharedAPIsTests,
)

from s4_node.s3.values import Store
from s4_node.storage.server import S3StorageServer
from support.tahoe_suites import NOT_OURS, nodes_in_a_bucket

__all__ = [
    "FoolscapImmutableAPIsTests",
    "FoolscapMutableAPIsTests",
    "FoolscapSharedAPIsTests",
    "HTTPImmutableAPIsTests",
    "HTTPMutableAPIsTests",
    "HTTPSharedAPIsTests",
]

pytestmark = pytest.mark.filterwarnings(*NOT_OURS)


@pytest.fixture(autouse=True)
def _ours(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(theirs, "StorageServer", S3StorageServer)
    with nodes_in_a_bucket(store, monkeypatch):
        yield

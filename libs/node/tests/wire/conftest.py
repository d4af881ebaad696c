"""What tests of the protocols begin with: a storage server, and a client of it over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_node.s3.values import Store
from s4_node.storage.server import S3StorageServer
from support.storing import Speaker, a_server, over_http


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[S3StorageServer]:
    with a_server(store, tmp_path) as server:
        yield server


@pytest.fixture
def client(server: S3StorageServer) -> Iterator[Speaker]:
    with over_http(server) as client:
        yield client

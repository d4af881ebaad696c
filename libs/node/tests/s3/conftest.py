"""S3 servers by name, each started when the first test wants it; and a store whose answers are scripted."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.keys import key_source
from s4_node.s3.requests import Patience
from s4_node.s3.values import Store
from support.s3_servers import Server, start_double, start_juicefs, start_moto
from support.scripted_http import ScriptedHttp, scripted_http

HASTY = Patience(whole=3.0, silence=0.5, connecting=0.5, first_pause=0.01, longest_pause=0.05)
STARTERS: dict[str, Callable[[Path], Server]] = {
    "double": start_double,
    "moto": start_moto,
    "juicefs": start_juicefs,
}
Starter = Callable[[str], Server]


@pytest.fixture(scope="session")
def server_named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    running: dict[str, Server] = {}

    def start(name: str) -> Server:
        if name not in running:
            running[name] = STARTERS[name](tmp_path_factory.mktemp(name))
        return running[name]

    yield start
    for server in running.values():
        server.stop()


@pytest.fixture
def bucket(request: pytest.FixtureRequest, server_named: Starter) -> Bucket:
    """An empty one, at the server that the test's class names, under a prefix."""
    server, name = server_named(request.param), f"grids-{secrets.token_hex(6)}"
    server.make_bucket(name)
    return Bucket(server.store(name, "customer/one/"), patience=HASTY)


@pytest.fixture
def scripted() -> Iterator[ScriptedHttp]:
    with scripted_http() as server:
        yield server


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("[default]\naws_access_key_id = AKIAFIRST\naws_secret_access_key = a-secret\n")
    return path


@pytest.fixture
def scripted_store(scripted: ScriptedHttp, keys_file: Path) -> Store:
    return Store("shares", "one/", scripted.endpoint, credentials=f"file:{keys_file}")


@pytest.fixture
def scripted_bucket(scripted_store: Store) -> Bucket:
    return Bucket(scripted_store, patience=HASTY)


@pytest.fixture(autouse=True)
def no_keys_of_other_tests() -> Iterator[None]:
    key_source.cache_clear()
    yield
    key_source.cache_clear()

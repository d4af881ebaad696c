"""`s4-node run` over several stores, and stock clients of both protocols: every kind of file comes back from each.

moto knows every condition. The JuiceFS gateway has MinIO's handlers and knows none. The double wants the bucket in the
host name where it is asked that way.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from commands import run
from s4_node.s3.values import Store
from support.s3_servers import Server, start_double, start_juicefs, start_moto
from support.serving import Serving, lay_out, mint, section

PROGRAM = Path(__file__).parents[1] / "conforming_client.py"
KINDS = {"small": True, "large": True, "sdmf": True, "mdmf": True}
SERVERS = {"moto": start_moto, "juicefs": start_juicefs, "double": start_double}
SPOKEN = {"foolscap": "NativeStorageServer", "https": "HTTPNativeStorageServer"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@dataclass
class Stores:
    """One S3 server of each kind, started when it is first asked for."""

    folder: Path
    running: dict[str, Server] = field(default_factory=dict)

    def server(self, kind: str) -> Server:
        if kind not in self.running:
            self.running[kind] = SERVERS[kind](self.folder / kind)
        return self.running[kind]

    def store(self, kind: str) -> Store:
        """A bucket of its own, with the credentials for it."""
        name = f"b-{secrets.token_hex(8)}"
        self.server(kind).make_bucket(name)
        return self.server(kind).store(name)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    stores = Stores(tmp_path_factory.mktemp("stores"))
    yield stores
    for server in stores.running.values():
        server.stop()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[list[Serving]]:
    """What the test has started, so that it ends."""
    started: list[Serving] = []
    yield started
    for one in started:
        assert one.stop() == 0


@dataclass
class Grid:
    """A grid over a store, and the process that serves it."""

    furl: str
    folder: Path
    served: Serving

    def conforms(self, protocol: str) -> None:
        """Files of every kind are stored by one stock client and read by another."""
        assert self.told(protocol) == {"protocol": SPOKEN[protocol], "same": KINDS}
        assert self.served.metric('s4_node_s3_requests_total{operation="complete-upload",outcome="ok"}') > 0
        assert self.served.metric("s4_node_uploads") == 0

    def told(self, protocol: str) -> dict[str, Any]:
        command = [sys.executable, str(PROGRAM), self.furl, str(self.folder / f"{protocol} clients"), protocol]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
        told: dict[str, Any] = json.loads(answer.stdout)
        return told


def a_grid(
    store: Store, folder: Path, serving: list[Serving], *, within: tuple[str, ...] = (), **lines: object
) -> Grid:
    grid = mint(1)
    lay_out(grid, folder / "grid", section(store, **lines))
    served = Serving(["run", str(folder / "grid")], folder / "log", within=within).start()
    serving.append(served)
    served.until_ready()
    return Grid(grid.introducer_furl, folder, served)


def heads(server: Server, bucket: str) -> list[dict[str, Any]]:
    """What Amazon's own client says of every share."""
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    with closing(client):
        found = client.list_objects_v2(Bucket=bucket, Prefix="shares/")["Contents"]
        return [client.head_object(Bucket=bucket, Key=each["Key"]) for each in found]


@pytest.mark.parametrize("protocol", ["https", pytest.param("foolscap", marks=pytest.mark.long)])
def test_a_store_that_keeps_conditions(stores: Stores, serving: list[Serving], tmp_path: Path, protocol: str) -> None:
    a_grid(stores.store("moto"), tmp_path, serving, addressing="path").conforms(protocol)


@pytest.mark.parametrize("protocol", ["foolscap", pytest.param("https", marks=pytest.mark.long)])
def test_a_store_that_ignores_conditions_and_has_one_writer(
    stores: Stores, serving: list[Serving], tmp_path: Path, protocol: str
) -> None:
    store = stores.store("juicefs")
    a_grid(store, tmp_path, serving, addressing="path", single_writer="true").conforms(protocol)


def test_a_store_that_ignores_conditions_is_refused_when_nobody_said_that_there_is_one_writer(
    stores: Stores, tmp_path: Path
) -> None:
    lay_out(mint(1), tmp_path / "grid", section(stores.store("juicefs")))

    refused = run("s4-node", "run", str(tmp_path / "grid"), "--log", "text")

    assert refused.code == 1
    assert "grid.failed" in refused.err
    assert "single_writer = true" in refused.err
    checked = run("s4-node", "check", str(tmp_path / "grid"))
    assert checked.code == 1
    assert "FAIL  conditional writes: the store ignores them" in checked.out
    assert "set single_writer = true" in checked.out
    assert run("s4-node", "usage", "--json", str(tmp_path / "grid")).json["shares"] == {}


@pytest.mark.parametrize("protocol", ["https", pytest.param("foolscap", marks=pytest.mark.long)])
def test_a_store_that_has_the_bucket_in_its_name(
    stores: Stores, serving: list[Serving], tmp_path: Path, protocol: str
) -> None:
    store = stores.store("double")
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost {store.bucket}.localhost\n")
    named = 'mount --bind "$0" /etc/hosts && exec "$@"'
    within = ("unshare", "--mount", "--map-root-user", "sh", "-c", named, str(tmp_path / "hosts"))
    there = replace(store, endpoint=store.endpoint.replace("127.0.0.1", "localhost"))
    a_grid(there, tmp_path, serving, within=within, addressing="virtual").conforms(protocol)


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["https", "foolscap"])
@pytest.mark.parametrize("encryption", ["AES256", "aws:kms"])
def test_every_share_is_encrypted_as_the_settings_say(
    stores: Stores, serving: list[Serving], tmp_path: Path, protocol: str, encryption: str
) -> None:
    store = stores.store("moto")
    key = KEY if encryption == "aws:kms" else ""

    a_grid(store, tmp_path, serving, encryption=encryption, kms_key=key).conforms(protocol)

    shares = heads(stores.server("moto"), store.bucket)
    assert len(shares) == len(KINDS)
    for share in shares:
        assert (share["ServerSideEncryption"], share.get("SSEKMSKeyId", "")) == (encryption, key)

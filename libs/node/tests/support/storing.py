"""A grid's storage server over a real bucket, in the reactor that tests run, and what speaks to it over HTTP."""

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cbor2
import treq
from allmydata.storage.common import si_b2a
from allmydata.storage.http_common import swissnum_auth_header
from allmydata.util import cbor
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.requests import Patience
from s4_node.s3.values import Store
from s4_node.settings import MIB, StorageSettings
from s4_node.storage.cache import Cache
from s4_node.storage.expiry import ExpiryRules
from s4_node.storage.server import S3StorageServer
from s4_node.wire.http import HTTPStorage, QuietSite
from s4_node.workers import Workers
from support.spinning import reactor, spin

SWISSNUM = b"swissnum-of-the-tests"
NODEID = b"n" * 20
RENEW, CANCEL, ENABLER, UPLOAD = b"r" * 32, b"c" * 32, b"w" * 32, b"u" * 20
SHORT = Patience(whole=1.0, silence=0.5, first_pause=0.01, longest_pause=0.05)


def storage_index() -> bytes:
    return secrets.token_bytes(16)


@contextmanager
def a_server(
    store: Store,
    folder: Path,
    *,
    patience: Patience = SHORT,
    readonly: bool = False,
    expiry: ExpiryRules = ExpiryRules(),  # noqa: B008  frozen
    stats_provider: object = None,
    **settings: Any,
) -> Iterator[S3StorageServer]:
    """A storage server that is not started, so that nothing but what a test does asks anything of S3."""
    workers = Workers(8, reactor=reactor)
    workers.start()
    wanted = replace(StorageSettings(store, folder / "spool", part_bytes=5 * MIB), **settings)
    server = S3StorageServer(
        wanted,
        Objects(Bucket(store, patience=patience), workers.lane("grid", wanted.caps.requests)),
        Cache(64 * MIB).for_grid("grid", wanted.caps.cache_bytes),
        NODEID,
        clock=reactor,
        readonly=readonly,
        expiry=expiry,
        stats_provider=stats_provider,
    )
    yield server
    spin(server.stopService())
    spin(workers.stop())


@dataclass
class Answer:
    """What a request came to."""

    status: int
    headers: Any
    body: bytes

    @property
    def content(self) -> object:
        """The body, decoded."""
        content: object = cbor2.loads(self.body)
        return content


@dataclass
class Speaker:
    """Speaks the HTTP protocol, without TLS."""

    address: str
    agent: Any

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> "Deferred[Answer]":
        return Deferred.fromCoroutine(self._ask(method, path, body, **more))

    async def _ask(
        self, method: str, path: str, body: object, *, with_secrets: str = "", headers: Mapping[str, str] = {}
    ) -> Answer:
        content = body if isinstance(body, bytes) else cbor.dumps(body) if body is not None else b""
        every = {
            "Authorization": swissnum_auth_header(SWISSNUM).decode(),
            "X-Tahoe-Authorization": [_SECRETS[name] for name in with_secrets.split()],
            **headers,
        }
        answer = await treq.request(
            method, f"{self.address}/storage/v1/{path}", data=content, headers=every, agent=self.agent
        )
        return Answer(answer.code, answer.headers, await answer.content())

    def allocate(self, index: bytes, size: int, numbers: frozenset[int] = frozenset({0})) -> "Deferred[Answer]":
        asked = {"share-numbers": set(numbers), "allocated-size": size}
        return self.ask("POST", f"immutable/{name(index)}", asked, with_secrets="renew cancel upload")

    def write(self, index: bytes, start: int, data: bytes, number: int = 0) -> "Deferred[Answer]":
        headers = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/*"}
        return self.ask("PATCH", f"immutable/{name(index)}/{number}", data, with_secrets="upload", headers=headers)

    def read(self, kind: str, index: bytes, start: int, end: int, number: int = 0) -> "Deferred[Answer]":
        return self.ask("GET", f"{kind}/{name(index)}/{number}", headers={"Range": f"bytes={start}-{end - 1}"})

    def write_mutable(self, index: bytes, data: bytes, enabler: str = "enabler") -> "Deferred[Answer]":
        change = {"test": [], "write": [{"offset": 0, "data": data}], "new-length": None}
        asked = {"test-write-vectors": {0: change}, "read-vector": []}
        path = f"mutable/{name(index)}/read-test-write"
        return self.ask("POST", path, asked, with_secrets=f"renew cancel {enabler}")

    async def upload(self, index: bytes, data: bytes) -> Answer:
        await self.allocate(index, len(data))
        answer: Answer = await self.write(index, 0, data)
        return answer


_SECRETS = {
    "renew": f"lease-renew-secret {b64encode(RENEW).decode()}",
    "cancel": f"lease-cancel-secret {b64encode(CANCEL).decode()}",
    "upload": f"upload-secret {b64encode(UPLOAD).decode()}",
    "enabler": f"write-enabler {b64encode(ENABLER).decode()}",
    "another-enabler": f"write-enabler {b64encode(bytes(32)).decode()}",
}


def name(index: bytes) -> str:
    return str(si_b2a(index).decode("ascii"))


@contextmanager
def listening(resource: Resource) -> Iterator[Speaker]:
    """The resource, on a loopback port of its own."""
    site = QuietSite(resource)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    pool = HTTPConnectionPool(reactor, persistent=False)
    yield Speaker(f"http://127.0.0.1:{port.getHost().port}", Agent(reactor, pool=pool))
    spin(pool.closeCachedConnections())
    spin(port.stopListening() or Deferred())
    site.stopFactory()


@contextmanager
def over_http(server: S3StorageServer) -> Iterator[Speaker]:
    with listening(HTTPStorage(reactor, server, SWISSNUM).get_resource()) as speaker:
        yield speaker

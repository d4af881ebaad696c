"""Tahoe-LAFS' own clients of the storage protocols, in this process: by which a node of theirs speaks to a server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from allmydata.storage.http_client import StorageClient, StorageClientFactory
from allmydata.storage.http_server import build_nurl
from allmydata.storage_client import _HTTPStorageServer, _StorageServer
from cryptography.x509 import load_pem_x509_certificate
from foolscap.api import Referenceable, Tub
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred, succeed

from s4_node.probe.client import _passing_identity
from support.elsewhere import Elsewhere
from support.serving import LOOPBACK

Protocol = Literal["foolscap", "https"]
PROTOCOLS: tuple[Protocol, ...] = ("foolscap", "https")


@dataclass
class Speaking:
    """A connection to a storage server. `server` is a client's allmydata.interfaces.IStorageServer."""

    protocol: Protocol
    server: Any
    ending: Callable[[], object]
    https: StorageClient | None = None
    is_over: bool = False

    def hang_up(self) -> "Deferred[object]":
        """Nothing is said any more; also when it was so before."""
        if self.is_over:
            return succeed(None)
        self.is_over = True
        return maybeDeferred(self.ending)

    @staticmethod
    def canary() -> Referenceable:
        return Referenceable()


Speak = Callable[[Protocol, Elsewhere], Speaking]


async def speak(protocol: Protocol, node: Elsewhere) -> Speaking:
    """Connect to the node at its place."""
    return await (_foolscap(node) if protocol == "foolscap" else _https(node))


async def _foolscap(node: Elsewhere) -> Speaking:
    tub = Tub(certData=_passing_identity())  # its own would be an RSA key, which takes a while
    tub.setOption("expose-remote-exception-types", False)
    tub.startService()
    reference = await tub.getReference(node.furl)
    return Speaking("foolscap", _StorageServer(get_rref=lambda: reference), tub.stopService)


async def _https(node: Elsewhere) -> Speaking:
    certificate = load_pem_x509_certificate(node.files["private/node.pem"].encode())
    nurl = build_nurl(LOOPBACK, node.port, node.swissnum, certificate)
    client = await StorageClientFactory({"tcp": "tcp"}, None).create_storage_client(nurl, reactor)
    return Speaking(
        "https", _HTTPStorageServer.from_http_client(client), lambda: maybeDeferred(client.shutdown), client
    )

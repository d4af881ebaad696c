"""A Tahoe-LAFS client of one grid, in a directory of its own that need not outlive it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from allmydata import client
from allmydata.introducer.client import IntroducerClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from s4_node.nodes import Client
from s4_node.probe.request import Failed, Request

LOOK_AGAIN_SECONDS = 0.02
CONFIG = """\
[node]
nickname = probe
web.port =
tub.port = disabled
tub.location = disabled
[client]
shares.needed = {shares}
shares.happy = {shares}
shares.total = {shares}
[storage]
enabled = false
[helper]
enabled = false
"""
# The furl itself stays out of the directory: this one is replaced when the introducer's client is made.
PLACEHOLDER = "pb://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@tcp:127.0.0.1:1/probe"


async def connected_client(directory: Path, request: Request, seconds: float) -> Client:
    """A client that is connected to as many storage servers as it needs.

    Raises Failed("introducer-unreachable" | "no-storage-server") when it is not after `seconds`.
    """
    (directory / "private").mkdir(parents=True)  # under the umask of the command: nobody else reads it
    (directory / "tahoe.cfg").write_text(CONFIG.format(shares=request.shares))
    (directory / "private" / "introducers.yaml").write_text(f"introducers: {{default: {{furl: '{PLACEHOLDER}'}}}}\n")
    (directory / "private" / "node.pem").write_bytes(_passing_identity())

    def introducer_client(tub: object, _placeholder: bytes, *rest: object) -> IntroducerClient:
        return IntroducerClient(tub, request.furl.encode("ascii"), *rest)

    made: Deferred[Client] = client.create_client_from_config(
        client.read_config(str(directory), "client.port"),
        _client_factory=Client,
        _introducer_factory=introducer_client,
    )
    probing: Client = await made
    probing.startService()
    deadline = time.monotonic() + seconds
    if not await _until(probing.introducer_clients[0].connected_to_introducer, deadline):
        raise Failed("introducer-unreachable")
    servers = probing.storage_broker.get_connected_servers
    if not await _until(lambda: len(servers()) > 0, deadline):
        raise Failed("no-storage-server")
    return probing


async def _until(claim: Callable[[], bool], deadline: float) -> bool:
    while not claim():
        if time.monotonic() > deadline:
            return False
        await deferLater(reactor, LOOK_AGAIN_SECONDS)
    return True


def _passing_identity() -> bytes:
    """A node.pem for the next minutes; an elliptic curve key takes no time, Foolscap's RSA key a quarter second."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "probe")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

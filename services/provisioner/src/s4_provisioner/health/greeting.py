"""Whether a grid's storage server is there: by the certificate that it shows, without a word to it."""

import asyncio
import hashlib
import ssl
from base64 import b32encode
from datetime import timedelta
from typing import Literal

from s4_provisioner.capability import identity_of
from s4_provisioner.grids import Grid
from s4_provisioner.sealing import Seal

Greeting = Literal["there", "silent", "stranger"]
_LIMIT = timedelta(seconds=5)


def storage_tub(grid: Grid, seal: Seal) -> str:
    """The id of the grid's storage server, the digest of its certificate. Raises SealBroken, Incomplete."""
    return identity_of(grid, seal).storage.tub_id


def anybody() -> ssl.SSLContext:
    """TLS with whoever shows any certificate: a tub's is its own authority, and is judged by its digest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def greet(host: str, port: int, tub: str, context: ssl.SSLContext, limit: timedelta = _LIMIT) -> Greeting:
    """Who takes connections there now.

    A storage server speaks TLS at once with who does not ask for its tub by name: its port is for both of Tahoe-LAFS's
    storage protocols (allmydata.protocol_switch).
    """
    try:
        async with asyncio.timeout(limit.total_seconds()):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.transport.abort()
    except (OSError, TimeoutError):
        return "silent"
    return "there" if shown and _tub_of(shown) == tub else "stranger"


def _tub_of(certificate: bytes) -> str:
    digest = hashlib.sha1(certificate, usedforsecurity=False).digest()  # as Foolscap makes a tub's id
    return b32encode(digest).decode().rstrip("=").lower()

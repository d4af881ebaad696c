"""What is stored in a grid to prove it, and read back from it."""

import os
from dataclasses import dataclass, field
from typing import Any

from allmydata.crypto import rsa
from allmydata.immutable.upload import Data
from allmydata.interfaces import SDMF_VERSION
from allmydata.mutable.publish import MutableData
from allmydata.util.deferredutil import gatherResults
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from s4_node.nodes import Client
from s4_node.probe.request import Failed

# Tahoe-LAFS puts files of up to 55 bytes into the capability itself and stores nothing: far above that is a real share.
IMMUTABLE_BYTES = 96 * 1024
MUTABLE_BYTES = 512
KEY_BITS = 2048


@dataclass(frozen=True)
class Stored:
    """Two files in the grid: their capabilities, which must not be shown, and what has to come back."""

    immutable: bytes = field(repr=False)
    mutable: bytes = field(repr=False)
    contents: tuple[bytes, bytes] = field(repr=False)


def mutable_file_keys() -> "Deferred[tuple[object, object]]":
    """A key pair for one mutable file, made in a thread: start early, it takes longer than connecting."""
    keys: Deferred[tuple[object, object]] = deferToThread(rsa.create_signing_keypair, KEY_BITS)
    return keys.addCallback(lambda pair: (pair[1], pair[0]))


async def store(client: Client, keys: "Deferred[tuple[object, object]]") -> Stored:
    """Two files of random bytes are in the grid, one immutable and one mutable."""
    contents = os.urandom(IMMUTABLE_BYTES), os.urandom(MUTABLE_BYTES)

    async def immutable() -> bytes:
        results = await client.upload(Data(contents[0], convergence=None))
        if results.get_pushed_shares() < client.get_encoding_parameters()["happy"]:
            raise Failed("put-failed")
        return bytes(results.get_uri())

    async def mutable() -> bytes:
        node = await client.create_mutable_file(
            MutableData(contents[1]), version=SDMF_VERSION, unique_keypair=await keys
        )
        return bytes(node.get_uri())

    caps: list[bytes] = await _both(immutable(), mutable())
    return Stored(caps[0], caps[1], contents)


async def read_back(client: Client, stored: Stored) -> None:
    """Both files came back from the grid as they were stored; raises Failed("mismatch") when they did not.

    The client forgets its nodes first, so that nothing but the capabilities is known of what was written.
    """
    client.init_nodemaker()
    contents = await _both(
        *(client.create_node_from_uri(cap).download_best_version() for cap in (stored.immutable, stored.mutable))
    )
    if tuple(contents) != stored.contents:
        raise Failed("mismatch")


async def _both(*work: Any) -> list[Any]:
    results: list[Any] = await gatherResults([Deferred.fromCoroutine(_as_coroutine(one)) for one in work])
    return results


async def _as_coroutine(work: Any) -> Any:
    return await work

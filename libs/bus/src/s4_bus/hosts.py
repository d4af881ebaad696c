"""Where the broker may be reached: every address that every one of its urls leads to."""

from __future__ import annotations

import asyncio
import re
from random import SystemRandom
from socket import IPPROTO_TCP

import msgspec
from yarl import URL

from s4_runtime import Secret, certificates

_PORTS = {"amqp": 5672, "amqps": 5671}
# A broker whose machine has lost its power says nothing. aiormq notices after three of these.
_HEARTBEAT = "5"  # seconds


class Host(msgspec.Struct, frozen=True):
    """One address. ``name`` is what its certificate must be for; None without TLS."""

    url: URL
    name: str | None


async def hosts(amqp_url: Secret | str) -> list[Host]:
    """All addresses, in an order of their own each time, so that clients spread and none insists on one that is dead.

    Urls are separated by commas or blanks. A name with several addresses counts as so many hosts. Raises OSError when
    no name has any.
    """
    found: list[Host] = []
    failure = OSError("no url of a broker")
    for url in _urls(amqp_url):
        try:
            found += await _of(url)
        except OSError as error:
            failure = error
    if not found:
        raise failure
    SystemRandom().shuffle(found)
    return found


async def ended(code: str, amqp_url: Secret | str) -> dict[str, str | int]:
    """Which host's certificate has been over since when, if that is the trouble."""
    if code == "bus-certificate-expired":
        for url in _urls(amqp_url):
            host, port = url.host or "", url.port or _PORTS["amqps"]
            if over := await certificates.since(host, port, url.query.get("cafile")):
                return {"host": host, "port": port, **over}
    return {}


def _urls(amqp_url: Secret | str) -> list[URL]:
    text = amqp_url.reveal() if isinstance(amqp_url, Secret) else amqp_url
    return [URL(each) for each in re.split(r"[,\s]+", text.strip())]


async def _of(url: URL) -> list[Host]:
    port = url.port or _PORTS.get(url.scheme)
    addresses = await asyncio.get_running_loop().getaddrinfo(url.host, port, proto=IPPROTO_TCP)
    if "heartbeat" not in url.query:
        url = url.update_query(heartbeat=_HEARTBEAT)
    name = url.host if url.scheme == "amqps" else None
    return [Host(url.with_host(ip).with_port(port), name) for ip in sorted({str(at[4][0]) for at in addresses})]

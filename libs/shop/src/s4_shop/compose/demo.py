"""The demonstration, from inside of what `docker compose up` started.

A customer's browser is on the host and knows the site as localhost; in here that is somebody else, and leads to the
containers instead. The rest of it is what everybody can reach.
"""

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from s4_shop.demo.customer import Customer, Refused
from s4_shop.demo.purchase import Reach, buy, join_by_a_code, say, store
from s4_shop.demo.tahoe import TahoeClient, TahoeFailed
from s4_shop.demo.timeline import drawn

TAHOE = Path("/opt/s4/node/bin/tahoe")


class Published(AbstractResolver):
    """Where the host's own ports lead to: {8080: ("web", 8080)}."""

    def __init__(self, ports: Mapping[int, tuple[str, int]]) -> None:
        self._ports, self._usual = ports, ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of the name, or of the container that the host has published at this port."""
        there = self._ports.get(port) if host == "localhost" else None
        return await self._usual.resolve(*(there or (host, port)), family)

    async def close(self) -> None:
        """It holds nothing."""


async def run(reach: Reach, published: Mapping[int, tuple[str, int]]) -> int:
    """0 when a file was stored in a grid bought just now, and both it and a second client have read it."""
    began, email = time.monotonic(), f"demo-{int(time.time())}@example.com"  # RFC 2606: nobody's
    try:
        async with Customer(reach.site, Published(published)) as customer:
            bought = await buy(reach, customer, email)
            say("\nan unmodified Tahoe-LAFS client joins the grid")
            async with TahoeClient.running(reach.tahoe, bought.furl) as client:
                await join_by_a_code(reach, customer, email, await store(client))
    except (Refused, TahoeFailed, aiohttp.ClientError) as trouble:
        say(f"\nthe demo failed: {trouble}")
        return 1
    say("\n" + "\n".join(drawn(bought.seconds, bought.total)))
    say(f"\nthe demo took {time.monotonic() - began:.1f} s; {email} has an account on {reach.site}")
    return 0

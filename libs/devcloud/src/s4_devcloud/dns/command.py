"""python -m s4_devcloud dns: the names of the emulated Route 53, for everything that resolves through it."""

import argparse
import asyncio
import json
import signal
import sys

import aiohttp

from s4_devcloud.dns.server import Datagrams, Route53, replying, serve_stream


def place(text: str) -> tuple[str, int]:
    """HOST:PORT; port 0 takes a free one."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def main(argv: list[str]) -> int:
    """Serve until told to end; 1 when the address is taken."""
    parser = argparse.ArgumentParser(prog="s4_devcloud dns", description="The names of the emulated Route 53.")
    parser.add_argument("--listen", type=place, default=("127.0.0.1", 0), metavar="HOST:PORT", help="over UDP and TCP")
    parser.add_argument("--cloud", required=True, metavar="URL", help="the control API of the aws part")
    chosen = parser.parse_args(argv)
    try:
        asyncio.run(_serve(chosen.listen, chosen.cloud))
    except OSError as refused:
        print(f"dns: {refused}", file=sys.stderr)  # noqa: T201  this command's only way to say so
        return 1
    return 0


async def _serve(listen: tuple[str, int], cloud: str) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with aiohttp.ClientSession() as session:
        reply = replying(Route53(session, cloud))
        server = await asyncio.start_server(lambda reader, writer: serve_stream(reply, reader, writer), *listen)
        port = server.sockets[0].getsockname()[1]
        datagrams, _ = await loop.create_datagram_endpoint(lambda: Datagrams(reply), local_addr=(listen[0], port))
        ready = {"part": "dns", "ready": True, "address": listen[0], "port": port}
        print(json.dumps(ready), flush=True)  # noqa: T201  the sign that it is ready
        await ended.wait()
        datagrams.close()
        server.close()

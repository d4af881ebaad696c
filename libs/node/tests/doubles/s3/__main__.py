"""S3 on this machine, for tests and benchmarks: `python libs/node/tests/doubles/s3 --help`."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from aiohttp import web

TESTS = Path(__file__).resolve().parents[2]
READ_AHEAD = 2**20  # bytes of a request's body that wait in memory


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python libs/node/tests/doubles/s3", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of S3; 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="of the control API; 0: any free one")
    parser.add_argument("--folder", type=Path, help="where objects are kept while it runs; default: a temporary one")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--access-key", default="DOUBLE" + secrets.token_hex(7).upper())
    parser.add_argument("--secret-key", default=secrets.token_urlsafe(30))
    parser.add_argument("--bucket", action="append", default=[], help="exists from the start; may be repeated")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="before each request is begun")
    parser.add_argument("--opaque-etags", action="store_true", help="no MD5 in ETags: quicker writes, for benchmarks")
    parser.add_argument("--while-stdin-open", action="store_true", help="end when standard input ends")
    return parser.parse_args()


async def serve(asked: argparse.Namespace, folder: Path) -> None:
    from doubles.s3.control import Control
    from doubles.s3.server import Double

    double = Double(folder, asked.region, asked.access_key, asked.secret_key)
    double.manners.latency_ms["*"] = asked.latency
    double.manners.opaque_etags = asked.opaque_etags
    for name in asked.bucket:
        double.shelves.create(name)
    runners = (
        (web.ServerRunner(web.Server(double.handle, access_log=None, read_bufsize=READ_AHEAD)), asked.port),
        (web.AppRunner(Control(double).application(), access_log=None), asked.control_port),
    )
    ports = []
    for runner, port in runners:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=0.1, backlog=1024).start()
        ports.append(runner.addresses[0][1])
    ready = {
        "endpoint": f"http://127.0.0.1:{ports[0]}",
        "control": f"http://127.0.0.1:{ports[1]}",
        "access_key": asked.access_key,
        "secret_key": asked.secret_key,
        "region": asked.region,
        "pid": os.getpid(),
    }
    print(json.dumps(ready), flush=True)
    await ended(watched=asked.while_stdin_open)


async def ended(*, watched: bool) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    if watched:
        loop.add_reader(sys.stdin, told.set)
    await told.wait()


def main() -> None:
    asked = arguments()
    if asked.folder is not None:
        asyncio.run(serve(asked, asked.folder))
        return
    with tempfile.TemporaryDirectory(prefix="s3-double-") as folder:
        asyncio.run(serve(asked, Path(folder)))


if __name__ == "__main__":
    sys.path[0] = str(TESTS)
    main()

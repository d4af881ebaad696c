"""Everything of the AWS part in one process: moto's server in threads, control and metadata on an event loop."""

import asyncio
import json
import logging
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from werkzeug.serving import BaseWSGIServer, make_server

from s4_devcloud.aws import buckets, control, ec2, permissions, quotas, route53, sessions
from s4_devcloud.aws.faults import Faults
from s4_devcloud.aws.fleet import Fleet
from s4_devcloud.aws.gate import Gate
from s4_devcloud.aws.metadata import MetadataService
from s4_devcloud.aws.quotas import Quotas
from s4_devcloud.aws.tokens import ClientTokens
from s4_devcloud.aws.traffic import Traffic
from s4_devcloud.machines import Driver


@dataclass(frozen=True)
class Places:
    """Where the part listens."""

    api: tuple[str, int]
    control: tuple[str, int]
    region: str


async def serve(places: Places, state: Path, driver: Driver, image_name: str, about: dict[str, Any]) -> None:
    """Serve until SIGTERM or SIGINT; then no machine is left."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    metadata = MetadataService(state / "metadata", loop)
    faults, tokens, traffic, enforcement = Faults(), ClientTokens(), Traffic(), permissions.Enforcement()
    api = api_server(places.api, faults, tokens, traffic)
    os.environ["MOTO_PORT"] = str(api.port)  # moto puts it into the addresses that it hands out
    fleet = Fleet(driver, faults, metadata, (places.api[0], api.port))
    limits = Quotas()
    ec2.extend(fleet, image_name, tokens, limits)
    route53.extend()
    buckets.extend(limits)
    quotas.extend(limits)
    sessions.extend(faults)
    permissions.extend(enforcement)
    threading.Thread(target=api.serve_forever, daemon=True, name="api").start()
    described = {**about, "region": places.region, "ami": image_name, "listen": f"http://{places.api[0]}:{api.port}"}
    runner = web.AppRunner(
        control.application(control.Cloud(fleet, traffic, enforcement, limits, described)), access_log=None
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, *places.control)
        await site.start()
        port = runner.addresses[0][1]
        ready = {"part": "aws", "ready": True, **described, "control": f"http://{places.control[0]}:{port}"}
        print(json.dumps(ready), flush=True)  # noqa: T201  the sign that it is ready
        await ended.wait()
    finally:
        await asyncio.to_thread(api.shutdown)
        await asyncio.to_thread(fleet.end_all)
        await asyncio.to_thread(driver.close)
        await runner.cleanup()


def api_server(place: tuple[str, int], faults: Faults, tokens: ClientTokens, traffic: Traffic) -> BaseWSGIServer:
    """The server and application of moto behind our gate, bound but not serving yet."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    gate = Gate(DomainDispatcherApplication(create_backend_app), faults, traffic, tokens.knows)
    server = make_server(*place, gate, threaded=True, request_handler=MotoRequestHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of the threaded server: an open connection holds nobody up
    return server

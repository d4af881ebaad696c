"""Everything of the Kubernetes part on one event loop."""

import asyncio
import json
import os
import signal
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from aiohttp import web

from s4_devcloud.kubernetes import control, rules
from s4_devcloud.kubernetes.access import ADMIN, Access
from s4_devcloud.kubernetes.admission import Admission
from s4_devcloud.kubernetes.api import Api, handler
from s4_devcloud.kubernetes.controllers import Controllers
from s4_devcloud.kubernetes.faults import Faults
from s4_devcloud.kubernetes.kubelet import Kubelet
from s4_devcloud.kubernetes.reading import Reading
from s4_devcloud.kubernetes.schema import VERSION
from s4_devcloud.kubernetes.services import Services
from s4_devcloud.kubernetes.store import Object, Store
from s4_devcloud.kubernetes.writing import Writing
from s4_devcloud.machines.doors import Doors
from s4_devcloud.machines.network import Network
from s4_devcloud.mail.certificate import server_context

_AT_LEAST_EVERY = 1.0  # seconds; usually a change says that there is something to do


@dataclass(frozen=True)
class Cluster:
    """How the cluster is to be."""

    api: tuple[str, int]
    control: tuple[str, int]
    nodes: int
    node_memory: str
    node_ports: tuple[int, int]


async def serve(wanted: Cluster, state: Path, programs: Path, network: Network) -> None:
    """Serve until SIGTERM or SIGINT; then no pod is left."""
    ended = asyncio.Event()
    for wake in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wake, ended.set)
    store, faults, doors = Store(), Faults(), Doors()
    access, admission = Access(store), Admission(store, rules.NodePorts(store, *wanted.node_ports))
    async with asyncio.TaskGroup() as tasks:
        kubelet = Kubelet(store, state / "pods", programs, network, tasks)
        kubelet.sweep()
        for number in range(1, wanted.nodes + 1):
            kubelet.add_node(f"node-{number}", wanted.node_memory)
        api = Api(access, Reading(store, kubelet.log_of), Writing(store, access, admission), faults)
        about = {"version": f"v{VERSION}", "network": str(network), "kubeconfig": str(state / "kubeconfig")}
        tls = server_context(state)
        listening = await _listen(handler(api), wanted.api, tls)
        about["listen"] = f"https://{wanted.api[0]}:{listening.addresses[0][1]}"
        _write_kubeconfig(state, about["listen"], access.admin_token)
        controlled = await _listen(control.application(about, api, faults, kubelet, access), wanted.control, None)
        about["control"] = f"http://{wanted.control[0]}:{controlled.addresses[0][1]}"
        print(json.dumps({"part": "kubernetes", "ready": True, **about}), flush=True)  # noqa: T201  the sign that it is ready
        working = tasks.create_task(
            _work(store, Controllers(store, admission), kubelet, Services(store, network, doors))
        )
        await ended.wait()
        working.cancel()
        kubelet.close()
        for runner in (listening, controlled):
            await runner.cleanup()
    doors.close()
    network.release()


async def _work(store: Store, controllers: Controllers, kubelet: Kubelet, services: Services) -> None:
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_AT_LEAST_EVERY):
                await store.changed.wait()
        store.changed.clear()
        controllers.reconcile()
        kubelet.sync()
        services.sync()


async def _listen(app: web.Application, place: tuple[str, int], tls: ssl.SSLContext | None) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, *place, ssl_context=tls).start()
    return runner


def _write_kubeconfig(state: Path, server: str, token: str) -> None:
    """The administrator's way in, as kubectl and every library reads it."""
    here = {"name": "local", "cluster": {"server": server, "certificate-authority": str(state / "ca.pem")}}
    config: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [here],
        "users": [{"name": ADMIN, "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": ADMIN}}],
        "current-context": "local",
    }
    path = state / "kubeconfig"
    path.touch(0o600)
    os.chmod(path, 0o600)  # noqa: PTH101  it may have been there before
    path.write_text(yaml.safe_dump(config))

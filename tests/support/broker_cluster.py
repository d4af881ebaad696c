"""Three private RabbitMQ nodes in one cluster, reached by TLS, as production has them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

from s4_bus.rights import everybody
from s4_shop import processes
from s4_shop.ports import LOOPBACK, free_port
from s4_shop.rabbitmq import Ports, RabbitNode
from support.certificates import Authority
from support.infra import TestBroker
from support.waiting import until

_START = 240.0  # seconds for three nodes on a machine that does other things
_WORD = secrets.token_hex(8)

_CONF = """\
cluster_formation.peer_discovery_backend = classic_config
{peers}
cluster_formation.target_cluster_size_hint = 3
cluster_partition_handling = pause_minority
listeners.ssl.1 = 127.0.0.1:{tls}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {chain}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
"""


@dataclass(frozen=True)
class Cluster:
    """Its nodes by name, and where each listens for TLS."""

    nodes: Mapping[str, RabbitNode]
    tls: Mapping[str, int]
    authority: Authority

    def url(self, user: str) -> str:
        """All nodes, as this user."""
        at = [f"amqps://{user}:{_WORD}@localhost:{port}/s4?cafile={self.authority.file}" for port in self.tls.values()]
        return ",".join(at)

    def launch(self, name: str) -> None:
        """The node starts."""
        node = self.nodes[name]
        node.prepare()
        processes.spawn(node.server(), log=node.log, pid_file=self._pid_file(name))

    def kill(self, name: str) -> None:
        """The node is gone, without having been told."""
        processes.stop(self._pid_file(name), SIGKILL)

    async def stop(self, name: str) -> None:
        """The node has ended in order."""
        await asyncio.to_thread(processes.stop, self._pid_file(name), SIGTERM, 60.0)

    async def leader(self, queue: str) -> str:
        """The node that leads the queue."""
        return str((await self._queues())[queue]["leader"])

    async def members(self) -> list[int]:
        """Of each queue, on how many nodes it is and answers."""
        return [len(queue.get("online", ())) for queue in (await self._queues()).values()]

    async def whole(self) -> None:
        """Wait until every node runs and every queue is on all of them."""

        async def is_whole() -> bool:
            ready = [await asyncio.to_thread(node.is_ready) for node in self.nodes.values()]
            return all(ready) and set(await self.members()) == {len(self.nodes)}

        await until(is_whole, within=_START, what="a whole cluster")

    async def _queues(self) -> dict[str, Any]:
        node = next(node for name, node in self.nodes.items() if processes.recall(self._pid_file(name)))
        listed: Any = await asyncio.to_thread(TestBroker(node).call, "GET", "/api/queues/s4")
        return {queue["name"]: queue for queue in listed}

    def _pid_file(self, name: str) -> Path:
        return self.nodes[name].folder / "server.pid"


@asynccontextmanager
async def cluster(folder: Path, *names: str) -> AsyncIterator[Cluster]:
    """A cluster that has formed, with our definitions; nothing of it stays behind."""
    authority = Authority(folder)
    certificate, cookie, epmd = authority.certificate(), secrets.token_hex(20), free_port()
    tls = {f"{name}@localhost": free_port() for name in names}
    numbered = enumerate(tls, start=1)
    peers = "\n".join(f"cluster_formation.classic_config.nodes.{number} = {name}" for number, name in numbered)
    nodes = {
        name: RabbitNode(
            folder=folder / name.partition("@")[0],
            ports=replace(Ports.free(), epmd=epmd),
            user="s4",
            password="s4-tests-only",
            users=dict.fromkeys(everybody(), _WORD),
            name=name,
            cookie=cookie,
            more=_CONF.format(
                peers=peers, tls=port, authority=authority.file, chain=certificate.chain, key=certificate.key
            ),
        )
        for name, port in tls.items()
    }
    made = Cluster(nodes, tls, authority)
    mapper = processes.Command(argv=["epmd", "-port", str(epmd), "-address", LOOPBACK], cwd=folder)
    processes.spawn(mapper, log=folder / "epmd.log", pid_file=folder / "epmd.pid")
    try:
        for name in nodes:
            made.launch(name)
        for node in nodes.values():
            await until(node.is_ready, within=_START, what=f"{node.name} answers")
        yield made
    finally:
        for name in nodes:
            made.kill(name)
        processes.stop(folder / "epmd.pid")

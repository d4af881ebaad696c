"""Which port each listener of the shop has: chosen once, kept in the state folder, kept while nobody else takes it."""

import json
from collections.abc import Iterable, Mapping

from s4_shop import processes
from s4_shop.folder import StateFolder, write_private
from s4_shop.ports import LOOPBACK, free_port, is_free

# Listener -> the part whose process has it.
LISTENERS: Mapping[str, str] = {
    "web": "web",
    "billing": "billing",
    "provisioner": "provisioner",
    "inbox": "mail",
    "stripe": "stripe",
    "rabbitmq-management": "rabbitmq",
    "rabbitmq": "rabbitmq",
    "rabbitmq-distribution": "rabbitmq",
    "epmd": "epmd",
    "postgres": "postgres",
    "smtp": "mail",
    "stripe-control": "stripe",
    "aws": "aws",
    "aws-control": "aws",
    "web-probes": "web",
    "billing-probes": "billing",
    "billing-operator": "billing",
    "provisioner-probes": "provisioner",
    "provisioner-operator": "provisioner",
    "notifier-probes": "notifier",
    "notifier-reports": "notifier",
    "invites": "invites",
    "invites-probes": "invites",
    "support": "support",
    "support-probes": "support",
    "support-operator": "support",
    "mailbox": "mailbox",
}


class PortTaken(Exception):
    """Somebody asked for this very port, and another program listens on it."""

    def __init__(self, variable: str, port: int) -> None:
        super().__init__(f"{variable}={port}: another program listens on {LOOPBACK}:{port}; free it or choose another")


class Addresses:
    """The listeners of one shop."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    def port(self, listener: str) -> int:
        """The port of a listener."""
        return self._ports[listener]

    def listeners(self) -> Iterable[str]:
        """All names."""
        return self._ports.keys()

    def listen(self, listener: str) -> str:
        """HOST:PORT."""
        return f"{LOOPBACK}:{self._ports[listener]}"

    def url(self, listener: str) -> str:
        """Where the listener's pages are."""
        return f"http://{self.listen(listener)}"


def choose(folder: StateFolder, environ: Mapping[str, str]) -> Addresses:
    """The shop's listeners: SHOP_PORT_NAME if set, else the one used last if still free, else a free one.

    Raises PortTaken for a SHOP_PORT_NAME that another program has.
    """
    path = folder.root / "ports.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    chosen: dict[str, int] = {}
    for listener, part in LISTENERS.items():
        ours = known.get(listener) if processes.recall(folder.pid_file(part)) else None
        chosen[listener] = _port(listener, environ, known.get(listener), ours, set(chosen.values()))
    write_private(path, json.dumps(chosen, indent=1))
    return Addresses(chosen)


def _port(listener: str, environ: Mapping[str, str], last: int | None, ours: int | None, taken: set[int]) -> int:
    variable = "SHOP_PORT_" + listener.upper().replace("-", "_")
    if asked := environ.get(variable):
        port = int(asked)
        if port != ours and not is_free(port):
            raise PortTaken(variable, port)
        return port
    if last is not None and last not in taken and (last == ours or is_free(last)):
        return last
    while (port := free_port()) in taken:
        pass
    return port

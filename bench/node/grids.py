"""A grid on this machine: a stock introducer, one storage server, and unmodified clients."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.node.processes import Processes, Started, free_port, until
from bench.node.s3_double import NODE_PYTHON, S3
from bench.node.web import WebClient

TAHOE, S4_NODE = NODE_PYTHON.with_name("tahoe"), NODE_PYTHON.with_name("s4-node")
Protocol = Literal["gbs", "foolscap"]
NAMES: dict[Protocol, str] = {"gbs": "HTTPS", "foolscap": "Foolscap"}

_NODE = """\
[node]
nickname = bench
tub.port = {port}
tub.location = {location}
web.port = {web}
"""
_STORAGE = """\
[storage]
enabled = true
reserved_space = 0
force_foolscap = {force_foolscap}
"""
_CLIENT = """\
[client]
shares.needed = 1
shares.happy = 1
shares.total = 1
[storage]
enabled = false
"""


@dataclass
class Grid:
    """One storage server and those that use it."""

    name: str
    server: Started
    clients: list[WebClient]
    processes: list[Started]

    @property
    def client(self) -> WebClient:
        return self.clients[0]


def stock_grid(ours: Processes, protocol: Protocol, clients: int = 1, storage_dir: Path | None = None) -> Grid:
    """`tahoe run` on its disk backend, in a folder of this machine's disk or another one."""
    section = f"storage_dir = {storage_dir}\n" if storage_dir else ""
    name = f"stock-{protocol}" + ("-mount" if storage_dir else "")
    return _grid(ours, name, protocol, [TAHOE, "run", "--allow-stdin-close"], section, clients)


def s3_grid(ours: Processes, protocol: Protocol, s3: S3, clients: int = 1) -> Grid:
    """`s4-node run`, its shares in the bucket."""
    return _grid(ours, f"s4-{protocol}", protocol, [S4_NODE, "run"], s3.section(f"{protocol}-{free_port()}/"), clients)


def _grid(  # noqa: PLR0917  all its parts
    ours: Processes, name: str, protocol: Protocol, command: list[str | Path], section: str, clients: int
) -> Grid:
    home = ours.folder / f"{name}-{free_port()}"
    furl, introducer = _introducer(ours, home / "introducer")
    storage = home / "storage"
    _configure(storage, "client", _listening() + _STORAGE.format(force_foolscap=protocol == "foolscap") + section, furl)
    server = ours.start(f"{name}-storage", [*command, storage])
    until(lambda: _is_announced(storage, server), f"{name} is announced")
    made = [_client(ours, f"{name}-client-{number}", home / f"client-{number}", furl) for number in range(clients)]
    for web in made:
        until(web.is_connected, f"{name}'s client is connected")
    return Grid(name, server, made, [introducer, server, *(web.process for web in made)])


def _introducer(ours: Processes, directory: Path) -> tuple[str, Started]:
    _configure(directory, "introducer", _listening())
    process = ours.start(f"{directory.parent.name}-introducer", [TAHOE, "run", "--allow-stdin-close", directory])
    furl = directory / "private/introducer.furl"
    until(lambda: furl.exists() and furl.read_text().startswith("pb://"), "the introducer has a furl")
    process.require_alive()
    return furl.read_text().strip(), process


def _client(ours: Processes, name: str, directory: Path, furl: str) -> WebClient:
    port = free_port()
    web = f"tcp:{port}:interface=127.0.0.1"
    _configure(directory, "client", _NODE.format(port="disabled", location="disabled", web=web) + _CLIENT, furl)
    return WebClient(port, ours.start(name, [TAHOE, "run", "--allow-stdin-close", directory]))


def _listening() -> str:
    port = free_port()
    return _NODE.format(port=f"tcp:{port}:interface=127.0.0.1", location=f"tcp:127.0.0.1:{port}", web="")


def _configure(directory: Path, kind: str, config: str, introducer: str = "") -> None:
    (directory / "private").mkdir(mode=0o700, parents=True)
    (directory / f"tahoe-{kind}.tac").touch()  # by which `tahoe run` knows what it is
    (directory / "tahoe.cfg").write_text(config)
    if introducer:
        (directory / "private/introducers.yaml").write_text(
            json.dumps({"introducers": {"default": {"furl": introducer}}})  # YAML as well
        )


def _is_announced(storage: Path, server: Started) -> bool:
    """It has a furl, which a stock node and ours write when they announce it."""
    server.require_alive()
    with suppress(FileNotFoundError):
        return (storage / "private/storage.furl").read_text().startswith("pb://")
    return False

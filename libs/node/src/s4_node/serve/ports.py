"""Which address a node directory wants to listen on, and whether it still can."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from s4_node.serve.written import written_in

_TCP = re.compile(r"tcp:(port=)?(?P<port>[0-9]{1,5})(:interface=(?P<interface>[0-9.]+))?")


class PortTaken(Exception):
    """Somebody else listens where this node should."""


@dataclass(frozen=True)
class Listening:
    """Where a node listens: one TCP port, on one address or (empty) on all of them."""

    port: int
    interface: str

    @property
    def nearest(self) -> str:
        """The address at which the node is reached from its own machine."""
        return self.interface or "127.0.0.1"

    def __str__(self) -> str:
        return f"{self.interface or '*'}:{self.port}"


def listening_of(node_directory: Path) -> Listening:
    """The port in the node's tahoe.cfg, written `tcp:PORT` or `tcp:PORT:interface=ADDRESS`. Raises ValueError."""
    written = written_in(node_directory).get("node", "tub.port", fallback="")
    found = _TCP.fullmatch(written.strip())
    if found is None:
        raise ValueError(
            f"tub.port of {node_directory} is {written!r}; it must be tcp:PORT or tcp:PORT:interface=ADDRESS, which "
            "--port of `tahoe create-node` and `tahoe create-introducer` sets"
        )
    return Listening(int(found["port"]), found["interface"] or "")


def require_free(listening: Listening) -> None:
    """Raise PortTaken unless the address can be bound now.

    Foolscap looks at no outcome of listen(): a stock node whose port is taken stays alive and serves nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listening.interface, listening.port))
            probe.listen(1)
        except OSError as error:
            raise PortTaken(f"cannot listen on {listening}: {error.strerror}") from error

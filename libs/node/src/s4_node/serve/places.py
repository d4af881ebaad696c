"""Where the nodes of a grid are: both in one directory, or one of them and the other one on another machine."""

from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from s4_node.serve.ports import Listening, listening_of, require_free

CONFIG = "tahoe.cfg"


class NoNode(ValueError):
    """There is nothing in this directory that could be served."""


@dataclass(frozen=True)
class Places:
    """The node directories of a grid; None for a node that is not here."""

    introducer: Path | None
    storage: Path | None

    @property
    def nodes(self) -> tuple[Path, ...]:
        """The directories of the nodes that are here."""
        return tuple(place for place in (self.introducer, self.storage) if place is not None)

    def introducer_address(self) -> Listening | None:
        """Where the introducer listens, if it is here."""
        return listening_of(self.introducer) if self.introducer else None

    def require_free(self) -> None:
        """Raise PortTaken unless every node here could listen now; OSError or ValueError for what is misconfigured."""
        for address in [listening_of(node) for node in self.nodes]:
            require_free(address)


def places_of(directory: Path) -> Places:
    """The nodes in `directory`: `introducer/` and `storage/`, or one node made by a stock `tahoe create-...`.

    Raises NoNode, or OSError for a directory that cannot be read.
    """
    if (directory / CONFIG).exists():
        return Places(None, directory) if _stores(directory) else Places(directory, None)
    both = Places(directory / "introducer", directory / "storage")
    for node in both.nodes:
        if not (node / CONFIG).exists():
            raise NoNode(f"no {CONFIG} in {directory}, nor in {node}")
    return both


def _stores(node: Path) -> bool:
    """Whether the node is a storage server, and no introducer. Raises NoNode when it is neither."""
    config = ConfigParser(strict=False, interpolation=None)
    config.read_string((node / CONFIG).read_text(encoding="utf-8"))
    if (node / "tahoe-introducer.tac").exists():
        return False
    if config.has_section("storage") and config.getboolean("storage", "enabled", fallback=False):
        return True
    raise NoNode(f"{node} is neither an introducer nor a storage server")

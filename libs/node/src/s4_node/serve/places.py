"""Where the nodes of a grid are: both in one directory, or one of them and the other one on another machine."""

from dataclasses import dataclass
from pathlib import Path

from s4_node.serve.ports import Listening, listening_of, require_free
from s4_node.serve.written import CONFIG, written_in

INTRODUCERS = "private/introducers.yaml"


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

    def introduce(self) -> None:
        """The storage server knows the introducer beside it, unless it was told of introducers.

        For directories as `tahoe create-...` makes them: an introducer has no furl before it runs.
        """
        if self.introducer is None or self.storage is None or _is_introduced(self.storage):
            return
        furl = (self.introducer / "private" / "introducer.furl").read_text(encoding="ascii").strip()
        named = self.storage / INTRODUCERS
        beside = named.with_name(f".{named.name}.new")
        beside.write_text(f"introducers:\n  introducer:\n    furl: {furl}\n", encoding="ascii")
        beside.replace(named)


def places_of(directory: Path) -> Places:
    """The nodes in `directory`: `introducer/` and `storage/`, or one node made by a stock `tahoe create-...`.

    Raises NoNode, or OSError for a directory that cannot be read.
    """
    if (directory / CONFIG).exists():
        return Places(None, directory) if _stores(directory) else Places(directory, None)
    both = Places(directory / "introducer", directory / "storage")
    for node in both.nodes:
        if not (node / CONFIG).exists():
            raise NoNode(f"no {CONFIG} in {directory}, nor in {node}; `tahoe create-node` makes one")
    return both


def _is_introduced(node: Path) -> bool:
    return (node / INTRODUCERS).exists() or written_in(node).has_option("client", "introducer.furl")


def _stores(node: Path) -> bool:
    """Whether the node is a storage server, and no introducer. Raises NoNode when it is neither."""
    config = written_in(node)
    if (node / "tahoe-introducer.tac").exists():
        return False
    if config.has_section("storage") and config.getboolean("storage", "enabled", fallback=False):
        return True
    raise NoNode(
        f"{node} is neither an introducer nor a storage server ([storage] enabled in its {CONFIG} is not true)"
    )

"""A grid whose storage server may lose its machine, and starts elsewhere with its identity and its bucket alone."""

import json
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from commands import eventually, free_port
from minting import Grid, location
from s4_node.s3.values import Store
from support.serving import LOOPBACK, Serving, lay_out, mint, section


@dataclass
class Elsewhere:
    """A grid of two processes in `folder`. The introducer stays; each start of the storage server is at a new place."""

    folder: Path
    store: Store
    more: Mapping[str, object] = field(default_factory=dict)  # lines of the S3 section
    grid: Grid = field(default_factory=lambda: mint(1))
    options: tuple[str, ...] = ()
    disk_bytes: int | None = None  # of the disk with the spool, if it has one of its own
    starts: int = 0
    port: int = 0
    introducer: Serving | None = None
    storage: Serving | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "storage.log"  # of all its lives

    @property
    def files(self) -> dict[str, str]:
        """What the storage server is known by: its whole identity."""
        files: dict[str, str] = self.grid.specification["storage"]["files"]  # type: ignore[index]  # JSON
        return files

    @property
    def swissnum(self) -> str:
        return self.files["private/storage.furl"].strip().rpartition("/")[2]

    @property
    def home(self) -> Path:
        """Where the storage server is now."""
        return self.folder / f"place-{self.starts}" / self.grid.grid_id / "storage"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    def at(self, port: int) -> Grid:
        """The same grid with its storage server at this port."""
        files = {**self.files, "private/storage.furl": self._furl_at(port) + "\n"}
        place = {"port": port, "location": location(port, LOOPBACK), "files": files}
        specification: dict[str, object] = json.loads(json.dumps(self.grid.specification))
        storage = specification["storage"]
        assert isinstance(storage, dict)
        return replace(self.grid, specification={**specification, "storage": {**storage, **place}})

    def introduce(self) -> "Elsewhere":
        """The introducer is served."""
        home = self.folder / "introducing"
        lay_out(self.grid, home)
        command = ["run", str(home / "introducer")]
        self.introducer = Serving(command, self.folder / "introducer.log").start().until_ready()
        return self

    def move(self) -> Serving:
        """The storage server begins at a new place, on an empty disk; the old place is gone."""
        shutil.rmtree(self.home.parent.parent, ignore_errors=True)
        self.starts += 1
        self.port = free_port()
        lay_out(self.at(self.port), self.home.parent, section(self.store, **self.more))
        return self.again()

    def again(self) -> Serving:
        """The storage server begins where it was, with what is on its disk."""
        within = self._on_a_small_disk(self.disk_bytes) if self.disk_bytes else ()
        self.storage = Serving(["run", str(self.home), *self.options], self.log, within=within).start()
        return self.storage

    def _on_a_small_disk(self, size: int) -> tuple[str, ...]:
        self.spool.mkdir(exist_ok=True)
        mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
        return ("unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(self.spool))

    def until_served(self) -> None:
        """Clients are answered, whether the bucket can be reached or not, and whether an introducer knows of it."""
        eventually(lambda: self.condition.get("state") in {"serving", "failed"}, 40)
        assert self.condition.get("state") == "serving", self.log.read_text()

    @property
    def condition(self) -> dict[str, Any]:
        """What /readyz says of the storage server."""
        assert self.storage is not None
        return self.storage.conditions().get("storage", {})

    def said(self, event: str, *, after: int = 0) -> list[dict[str, Any]]:
        """The lines of its log with this event, from that line on."""
        assert self.storage is not None
        return [line for line in self.storage.lines()[after:] if line["event"] == event]

    def kill(self) -> None:
        """The storage server ends where it is, in the midst of whatever it does."""
        if self.storage is not None:
            self.storage.stop(signal.SIGKILL)
        self.storage = None

    def end(self) -> None:
        self.kill()
        if self.introducer is not None:
            self.introducer.stop(signal.SIGKILL)
        self.introducer = None

    @property
    def furl(self) -> str:
        """The storage server's own, for its place now."""
        return self._furl_at(self.port)

    def _furl_at(self, port: int) -> str:
        return self.files["private/storage.furl"].partition("@")[0] + f"@{location(port, LOOPBACK)}/{self.swissnum}"

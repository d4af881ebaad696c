"""`s4-node run` and `s4-node shard` as processes, and directories for them to serve."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import BIN, Answer, free_port, run, two_ports
from minting import Grid, mint_grid
from s4_node.host.configuration import HostConfiguration
from s4_node.host.rendering import grid_files
from s4_node.host.specification import parse
from s4_node.s3.values import Store
from s4_node.settings import SECTION

LOOPBACK = "127.0.0.1"
START_SECONDS = 40.0


def grid_id_of(number: int) -> str:
    return f"0190d3a0-0000-7000-8000-{number:012d}"


def mint(number: int) -> Grid:
    """A grid with an identity of its own, which is there at once on this machine."""
    return mint_grid(grid_id_of(number), *two_ports(), LOOPBACK)


def section(store: Store, **more: object) -> str:
    """What makes a storage node keep its shares in that bucket."""
    lines = {
        "bucket": store.bucket,
        "prefix": store.prefix,
        "endpoint": store.endpoint,
        "region": store.region,
        "credentials": store.credentials,
        **more,
    }
    return f"\n[{SECTION}]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items() if value)


def lay_out(grid: Grid, home: Path, storage_section: str = "") -> None:
    """The grid's directory as a host would make it."""
    specification = parse(grid.grid_id, json.dumps(grid.specification).encode())
    for path, text in grid_files(specification, HostConfiguration(bind=LOOPBACK)).items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    if storage_section:
        with (home / "storage" / "tahoe.cfg").open("a") as config:
            config.write(storage_section)


def port_of(grid: Grid, node: str) -> int:
    port: int = grid.specification[node]["port"]  # type: ignore[index]  # JSON
    return port


@dataclass
class Serving:
    """A serving process, its log in a file, its pages at a port."""

    command: list[str]
    log: Path
    port: int = field(default_factory=free_port)
    environ: Mapping[str, str] = field(default_factory=dict)
    within: tuple[str, ...] = ()  # a command that runs what follows it, as the same process
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Serving":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, str(BIN / "s4-node"), *self.command, "--listen", f"{LOOPBACK}:{self.port}"],
                stderr=log,
                env={**os.environ, **self.environ},
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def get(self, page: str) -> tuple[int, str]:
        """Status and body; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{page}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def conditions(self) -> dict[str, dict[str, Any]]:
        """What /readyz says of each grid."""
        _, body = self.get("/readyz")
        return dict(json.loads(body)["grids"]) if body else {}

    def until_ready(self) -> "Serving":
        deadline = time.monotonic() + START_SECONDS
        while self.get("/readyz")[0] != 200:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self

    def lines(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def metric(self, name: str) -> float:
        """The value of one series, or the sum of all that a metric has."""
        rows = [line.rpartition(" ") for line in self.get("/metrics")[1].splitlines() if line[:1] != "#"]
        return sum(float(value) for series, _, value in rows if name in {series, series.partition("{")[0]})

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code


@dataclass
class Shard:
    """A directory of grids, and the process that serves it."""

    folder: Path
    served: Serving
    minted: dict[str, Grid] = field(default_factory=dict)

    @staticmethod
    def of(folder: Path) -> "Shard":
        (folder / "grids").mkdir(parents=True)
        return Shard(folder, Serving(["shard", str(folder)], folder / "log"))

    def home(self, grid: Grid) -> Path:
        return self.folder / "grids" / grid.grid_id

    def add(self, number: int, store: Store | None = None, **more: object) -> Grid:
        """One more grid: its shares in the store under a prefix of its own, or on the disk."""
        grid = mint(number)
        lay_out(grid, self.home(grid), section(store, prefix=grid.grid_id, **more) if store else "")
        self.minted[grid.grid_id] = grid
        return grid

    def remove(self, grid: Grid) -> None:
        shutil.rmtree(self.home(grid))

    def ask(self, word: str) -> Answer:
        return run("s4-node", "shard", str(self.folder), word)

    def bucket_code(self, grid: Grid) -> str | None:
        """What S3 said at the last look; None before that."""
        bucket = self.served.conditions().get(grid.grid_id, {}).get("bucket")
        return bucket and bucket["code"]

    def apply(self) -> dict[str, dict[str, Any]]:
        """What was done about each grid, and how it is."""
        return dict(self.ask("--apply").json["grids"])


def threads_and_files(pid: int) -> tuple[int, int]:
    """How many threads and open files a process has."""
    tasks, files = Path(f"/proc/{pid}/task"), Path(f"/proc/{pid}/fd")
    return len([*tasks.iterdir()]), len([*files.iterdir()])

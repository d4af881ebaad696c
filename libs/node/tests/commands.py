"""The two commands as a host or a provisioner runs them, and how to wait for what they bring about."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minting import Grid, mint_grid

BIN = Path(sys.prefix) / "bin"
GRID_ID = "0190d3a0-0000-7000-8000-000000000001"
COMMAND_SECONDS = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def two_ports() -> tuple[int, int]:
    """Both free, and never the same: the first is held while the second is chosen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1]), free_port()


def eventually(claim: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@dataclass(frozen=True)
class Answer:
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.out)
        return fields


def run(command: str, *arguments: str, body: object = None, environ: dict[str, str] | None = None) -> Answer:
    done = subprocess.run(
        [str(BIN / command), *arguments],
        input=body if isinstance(body, str) else json.dumps(body),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def probe(furl: str, timeout_seconds: float = 30, environ: dict[str, str] | None = None) -> Answer:
    return run(
        "s4-node", "probe", body={"furl": furl, "shares": 1, "timeout_seconds": timeout_seconds}, environ=environ
    )


@dataclass(frozen=True)
class Host:
    """A host of plain processes in a folder of its own; `more` goes into its configuration."""

    folder: Path
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def grids(self) -> Path:
        return self.folder / "grids"

    def home(self, grid_id: str = GRID_ID) -> Path:
        return self.grids / grid_id

    def home_in(self, shard: str, grid_id: str = GRID_ID) -> Path:
        return self.grids / ".shards" / shard / "grids" / grid_id

    def run(self, command: str, grid_id: str = GRID_ID, body: object = None) -> Answer:
        return self.tell(command, grid_id, body=body)

    def tell(self, *words: str, body: object = None) -> Answer:
        configuration = self.folder / "host.json"
        usual = {"root": str(self.grids), "supervisor": "process", "user": None, "bind": "127.0.0.1"}
        configuration.write_text(json.dumps(usual | self.more))
        return run("s4-host", *words, body=body, environ={"S4_HOST_CONFIG": str(configuration)})

    def listed(self) -> dict[str, Any]:
        """The grids of `s4-host list`."""
        answer = self.tell("list")
        assert answer.code == 0, answer
        return dict(answer.json["grids"])

    def apply(self, grid: Grid, **changes: object) -> dict[str, Any]:
        answer = self.run("apply", grid.grid_id, {**grid.specification, **changes})
        assert answer.code == 0, answer
        return answer.json

    def log(self, grid_id: str = GRID_ID) -> str:
        return (self.grids / ".host" / f"{grid_id}.log").read_text()

    def pid(self, grid_id: str = GRID_ID) -> int:
        return int((self.grids / ".host" / f"{grid_id}.pid").read_text().split()[0])


def a_grid(*hosts: str, grid_id: str = GRID_ID) -> Grid:
    return mint_grid(grid_id, *two_ports(), *(hosts or ("127.0.0.1",)))

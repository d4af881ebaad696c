"""A Tahoe-LAFS client that goes on running, as a test's partner."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minting import Grid

PROGRAM = Path(__file__).parents[1] / "running_client.py"


class RunningClient:
    """running_client.py, spoken to line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hear(self) -> dict[str, object]:
        assert self._process.stdout is not None
        heard: dict[str, object] = json.loads(self._process.stdout.readline())
        return heard

    def ask(self, word: str) -> dict[str, object]:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self.hear()


@contextmanager
def a_running_client(grid: Grid, folder: Path) -> Iterator[RunningClient]:
    command = [sys.executable, str(PROGRAM), grid.introducer_furl, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield RunningClient(process)
        finally:
            process.kill()

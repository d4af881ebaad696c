"""The one folder that holds everything of a shop: what runs, its data, its secrets, its logs."""

import contextlib
import fcntl
import os
import secrets as randomness
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StateFolder:
    """Names of the places in a state folder."""

    root: Path

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Pid files, the plan, the status and locks."""
        return self.root / "run"

    @property
    def data(self) -> Path:
        """What the parts store; forgotten by `down`."""
        return self.root / "data"

    @property
    def plan(self) -> Path:
        """What should run."""
        return self.run / "plan.json"

    @property
    def status(self) -> Path:
        """What the supervisor last saw."""
        return self.run / "status.json"

    @property
    def supervisor_pid(self) -> Path:
        """Who watches."""
        return self.run / "supervisor.pid"

    @property
    def following(self) -> Path:
        """The supervisor that has taken up the plan: what the status says is what it has seen."""
        return self.run / "following.pid"

    def log(self, part: str) -> Path:
        """The output of one part."""
        return self.logs / f"{part}.log"

    def pid_file(self, part: str) -> Path:
        """The identity of the part's process."""
        return self.run / f"{part}.pid"

    def held(self, part: str) -> Path:
        """While this file exists the part stays stopped on purpose."""
        return self.run / f"{part}.held"

    def create(self) -> None:
        """The folders exist. Passable for the postgres account, secrets for nobody else."""
        for folder in (self.root, self.logs, self.run, self.data):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        (self.root / "secrets").mkdir(mode=0o700, exist_ok=True)

    def secret(self, name: str, mint: Callable[[], str]) -> Path:
        """The 0600 file of a secret, minted once by `mint` and never again."""
        path = self.root / "secrets" / name
        if not path.exists():
            write_private(path, mint())
        return path

    def token(self, name: str) -> Path:
        """A random secret of 256 bits."""
        return self.secret(name, lambda: randomness.token_hex(32))

    @contextlib.contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Only one program at a time is inside. Raises BlockingIOError when it may not wait."""
        self.run.mkdir(mode=0o711, parents=True, exist_ok=True)
        with (self.run / f"{name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield


def write_private(path: Path, text: str) -> None:
    """The file has this text, whole or not at all, and nobody else can read it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)

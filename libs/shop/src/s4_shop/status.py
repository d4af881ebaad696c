"""What the supervisor last saw of each part, in a file that anybody may read at any time."""

import time
from pathlib import Path
from signal import Signals
from typing import Literal

import msgspec

from s4_shop.folder import write_private

State = Literal["waiting", "starting", "ready", "done", "failed", "stopped"]
_KEPT_EXITS = 5


class Exit(msgspec.Struct, frozen=True):
    """How a part ended when it should not have. `code` is None when nobody could see it (an adopted process)."""

    at: float
    code: int | None
    lines: str

    def __str__(self) -> str:
        if self.code is None:
            return "ended (exit code not seen)"
        if self.code < 0:
            return f"killed by {Signals(-self.code).name}"
        return f"exited with code {self.code}"


class PartStatus(msgspec.Struct, kw_only=True):
    """One part now. Times are Unix seconds."""

    state: State = "waiting"
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    digest: str = ""
    log_from: int = 0
    seconds_to_ready: float | None = None
    exits: list[Exit] = []

    def become(self, state: State) -> None:
        """The state, from now on."""
        self.state, self.since = state, time.time()

    def ended(self, ending: Exit) -> None:
        """One more exit is on record; old ones are forgotten."""
        self.exits = [*self.exits, ending][-_KEPT_EXITS:]
        self.restarts += 1


def save(path: Path, parts: dict[str, PartStatus]) -> None:
    """The file shows these parts."""
    write_private(path, msgspec.json.encode(parts).decode())


def load(path: Path) -> dict[str, PartStatus]:
    """The parts that the file shows; none when there is no file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, PartStatus])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}

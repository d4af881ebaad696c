"""What should run, as data: a supervisor needs nothing else to start a shop again."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from signal import SIGTERM, Signals

import msgspec

from s4_shop.folder import write_private
from s4_shop.processes import Command


class Answers(msgspec.Struct, frozen=True, tag="tcp"):
    """Ready when something listens on the port."""

    port: int


class Says200(msgspec.Struct, frozen=True, tag="http"):
    """Ready when the page answers 2xx."""

    url: str


class PrintsReady(msgspec.Struct, frozen=True, tag="line"):
    """Ready when it has printed a JSON line with "ready": true since it was started."""


class SpeaksAmqp(msgspec.Struct, frozen=True, tag="amqp"):
    """Ready when a broker answers the protocol header."""

    port: int


class TakesClients(msgspec.Struct, frozen=True, tag="postgres"):
    """Ready when a client can log in with the url in this file."""

    url_file: str


class Finishes(msgspec.Struct, frozen=True, tag="exit"):
    """Runs once and is done when it has ended with status 0."""


Check = Answers | Says200 | PrintsReady | SpeaksAmqp | TakesClients | Finishes


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the shop.

    `needs` must be ready before the first start. A one-shot runs again when a part in `repeat_after` was started anew
    (that part keeps what we told it in memory). `stamp` changes when the program behind the part does: then it is
    started anew.
    """

    name: str
    argv: list[str]
    ready: Check
    env: dict[str, str] = {}
    needs: list[str] = []
    repeat_after: list[str] = []
    cwd: str | None = None
    user: str | None = None
    stop_signal: int = SIGTERM
    port: int | None = None
    stamp: str = ""
    shows_progress: bool = False

    @property
    def is_one_shot(self) -> bool:
        """True for a part that ends by itself."""
        return isinstance(self.ready, Finishes)

    @property
    def digest(self) -> str:
        """Changes when anything about the part does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    def command(self) -> Command:
        """How to start it."""
        return Command(
            argv=self.argv,
            env=self.env,
            cwd=None if self.cwd is None else Path(self.cwd),
            user=self.user,
            stop_signal=Signals(self.stop_signal),
        )


def save(path: Path, parts: Sequence[Part]) -> None:
    """The plan is in the file."""
    write_private(path, msgspec.json.encode(list(parts)).decode())


def load(path: Path) -> list[Part]:
    """The plan in the file; empty when there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Part])
    except FileNotFoundError:
        return []


def in_stop_order(parts: Sequence[Part]) -> list[list[Part]]:
    """Waves of parts: those that nobody needs any more first."""
    left, waves = {part.name: part for part in parts}, []
    while left:
        needed = {name for part in left.values() for name in part.needs}
        wave = [part for part in left.values() if part.name not in needed] or list(left.values())
        waves.append(wave)
        for part in wave:
            del left[part.name]
    return waves

"""The README's quick start, done as it is written: its commands are run, and answer what it shows.

A line of the README's that begins with a dollar is a command, "> " continues it, and what follows is what it answers;
"..." stands for anything.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from commands import BIN, free_port

README = Path(__file__).parents[2] / "README.md"
PATIENCE_SECONDS = 30.0


@dataclass
class Command:
    """One command, and the lines that it answers."""

    words: str
    answers: list[str] = field(default_factory=list)

    def is_answered(self, text: str) -> bool:
        """Whether the text has what was to be answered."""
        pattern = "\n".join(self.answers)
        if not self.words.endswith("&"):
            return re.fullmatch(_like(pattern), text.strip(), re.DOTALL) is not None
        return all(re.search(_like(line), text) for line in self.answers)


def _like(shown: str) -> str:
    return ".*".join(re.escape(part) for part in shown.split("..."))


def commands(section: str) -> Iterator[Command]:
    """The commands of a section of the README."""
    text = README.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    now: Command | None = None
    for line in text.splitlines():
        match line[:4], line[4:6], line[4:]:
            case "    ", "$ ", shown:
                if now:
                    yield now
                now = Command(shown[2:])
            case "    ", ("> " | ">"), shown if now and not now.answers:
                now.words += "\n" + shown[2:]
            case "    ", _, shown if now:
                now.answers.append(shown)
            case _:
                pass
    if now:
        yield now


class Reader:
    """Somebody who types it all into one shell, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
        self._exported: list[str] = []
        self._ports = {port: str(free_port()) for port in ("5000", "4561", "4562", "4563")}
        self._running: list[subprocess.Popen[bytes]] = []

    def do(self, command: Command) -> None:
        """Type it, and see what the README shows; a server has a while to come up."""
        words = self._here(command.words)
        command.answers = [self._here(line) for line in command.answers]
        if words.startswith("export "):
            self._exported.append(words)
        elif words.endswith("&"):
            self._begin(words.removesuffix("&"), command)
        else:
            self._run(words, command)

    def end(self) -> None:
        """Stop what is served, the last first."""
        for process in reversed(self._running):
            process.terminate()
            process.wait(20)

    def _here(self, text: str) -> str:
        return re.sub("|".join(self._ports), lambda port: self._ports[port[0]], text)

    def _shell(self, words: str) -> list[str]:
        return ["bash", "-c", "\n".join([*self._exported, words])]

    def _run(self, words: str, command: Command) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = subprocess.run(
                self._shell(words),
                cwd=self._folder,
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode == 0 and command.is_answered(done.stdout):
                return
            assert time.monotonic() < deadline, (command, done)
            assert words.startswith("tahoe -d client"), (command, done)  # the client may not know of a server yet

    def _begin(self, words: str, command: Command) -> None:
        log = self._folder / f"log-{len(self._running)}"
        in_a_terminal = words.replace("s4-node run", "s4-node run --log text")
        with log.open("wb") as out:
            self._running.append(
                subprocess.Popen(
                    self._shell(f"exec {in_a_terminal}"),
                    cwd=self._folder,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not command.is_answered(log.read_text()):
            assert self._running[-1].poll() is None, log.read_text()
            assert time.monotonic() < deadline, (command, log.read_text())
            time.sleep(0.02)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.end()


@pytest.mark.long
def test_the_quick_start_does_what_it_says(reader: Reader, tmp_path: Path) -> None:
    steps = [*commands("Quick start")]
    assert len(steps) > 10

    for step in steps:
        reader.do(step)

    (share,) = [path for path in (tmp_path / "saved" / "shares").rglob("*") if path.is_file()]
    assert share.stat().st_size > (tmp_path / "numbers").stat().st_size
    assert not (tmp_path / "grid" / "storage" / "storage").exists()

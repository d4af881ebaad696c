"""The system that compose.yaml describes, up in an engine of the test's own."""

import asyncio
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.composed.engine import COMPOSE, Docker, must
from support.composed.file import SERVICES, is_one_shot
from support.waiting import until

VISIT = Path(__file__).with_name("visit.py")
USUALLY = ("compose.yaml",)
DEVELOP = ("compose.yaml", "compose.develop.yaml")
# Grafana is nowhere to be had here; its files are looked at in test_file.py.
USUAL = sorted(name for name, service in SERVICES.items() if "profiles" not in service and name != "grafana")


@dataclass(frozen=True)
class Container:
    """What the engine knows of one container."""

    name: str
    id: str
    state: str
    health: str
    code: int

    @property
    def is_well(self) -> bool:
        """It is healthy, or has done what it had to do."""
        done = is_one_shot(SERVICES[self.name])
        return self.code == 0 and self.state == "exited" if done else self.health == "healthy"


class System:
    """One project of compose, by the name of its namespace, from a copy of the sources at `root`."""

    def __init__(self, engine: Docker, root: Path) -> None:
        self.engine, self.root = engine, root
        self._project = engine.netns

    def compose(self, *words: str, files: tuple[str, ...] = ()) -> str:
        """What `docker-compose WORDS` printed."""
        command = [str(COMPOSE), "--project-directory", str(self.root), "--project-name", self._project]
        for file in files or USUALLY:
            command += ["--file", str(self.root / file)]
        return must(*command, *words, environment=self.engine.environment)

    async def up(self) -> None:
        """It has been started as far as it was not, and everything in it is well."""
        await asyncio.to_thread(self.compose, "up", "--detach", "--no-build", *USUAL)
        await self.well()

    async def well(self, within: float = 240.0) -> None:
        """Everything in it is well."""
        try:
            await until(lambda: not self.ill(), within=within, what="everything well", pause=0.5)
        except AssertionError:
            raise AssertionError("\n".join(f"{name}\n{self.log(name)}" for name in self.ill())) from None

    def ill(self) -> list[str]:
        """Who should be well and is not."""
        found = self.containers()
        return [name for name in USUAL if name not in found or not found[name].is_well]

    def containers(self) -> dict[str, Container]:
        """By the name of the service."""
        ids = self.engine.must(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self._project}"
        )
        told: list[dict[str, Any]] = json.loads(self.engine.must("inspect", *ids.split())) if ids.strip() else []
        found = [_container(one) for one in told if one["Config"]["Labels"]["com.docker.compose.oneoff"] == "False"]
        return {one.name: one for one in found}

    def log(self, name: str) -> str:
        """The end of what it has printed."""
        return self.compose("logs", "--no-color", "--tail", "30", name)

    def memory(self) -> dict[str, str]:
        """What each container holds, in the engine's own words."""
        ids = {one.id[:12]: one.name for one in self.containers().values() if one.state == "running"}
        lines = self.engine.must("stats", "--no-stream", "--format", "{{.ID}} {{.MemUsage}}", *ids).splitlines()
        return {ids[line.split()[0]]: line.split()[1] for line in lines}

    async def visit(self, what: str, email: str, patience: float = 60.0) -> dict[str, str] | None:
        """What a customer with a browser on the host has got in the end; None when he lost his patience."""
        words = [sys.executable, str(VISIT), what, email, str(patience)]
        done = await asyncio.to_thread(self.engine.from_host, *words)
        assert done.returncode in {0, 75}, done.stderr[-2000:]
        found: dict[str, str] | None = None if done.returncode else json.loads(done.stdout)
        return found

    def page(self, url: str) -> str:
        """What is at an address of the host."""
        ask = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=20).read().decode())"
        done = self.engine.from_host(sys.executable, "-c", ask, url)
        assert done.returncode == 0, done.stderr[-500:]
        return done.stdout


@dataclass(frozen=True)
class Composed:
    """The system, and how many seconds it took from nothing to well."""

    system: System
    seconds: float


def _container(told: dict[str, Any]) -> Container:
    state = told["State"]
    return Container(
        name=told["Config"]["Labels"]["com.docker.compose.service"],
        id=told["Id"],
        state=state["Status"],
        health=state.get("Health", {}).get("Status", ""),
        code=state["ExitCode"],
    )


def mebibytes(text: str) -> float:
    """Of what the engine's statistics say, such as 12.3MiB."""
    number, kilo = re.findall(r"^([\d.]+)([KMG]?)i?B$", text)[0]
    return float(number) * 2.0 ** {"": -20, "K": -10, "M": 0, "G": 10}[kilo]

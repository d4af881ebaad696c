"""Docker's own engine in a network of its own, below one folder, and docker-compose beside it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from s4_devcloud.image.shelf import mounts_below
from s4_shop import processes
from s4_shop.missing import MissingProgram
from support.waiting import until

# Debian's own: another `docker` on the machine may be without an engine.
DOCKER, DAEMON, COMPOSE = (Path(path) for path in ("/usr/bin/docker", "/usr/sbin/dockerd", "/usr/bin/docker-compose"))
# This kernel lets nobody raise limits.
_LIMITS = "nofile=20000:20000"


class Docker:
    """An engine whose containers, networks and published ports are in the network namespace `netns`."""

    def __init__(self, folder: Path, netns: str) -> None:
        for program in (DOCKER, DAEMON, COMPOSE):
            if not program.exists():
                raise MissingProgram(program.name)
        self.folder, self.netns = folder, netns
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/sock", "COMPOSE_HTTP_TIMEOUT": "600"}

    async def start(self) -> None:
        """It answers."""
        must("ip", "netns", "add", self.netns)
        must("ip", "-n", self.netns, "link", "set", "lo", "up")
        places = [
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker",
        ]
        daemon = [str(DAEMON), *places, f"--host=unix://{self.folder}/sock", "--default-ulimit", _LIMITS]
        command = processes.Command(argv=["nsenter", f"--net=/run/netns/{self.netns}", *daemon])
        processes.spawn(command, log=self.folder / "daemon.log", pid_file=self.folder / "daemon.pid")
        await until(lambda: self.run("version").returncode == 0, within=60, what="an engine that answers")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What came of `docker WORDS`."""
        return _run(str(DOCKER), *words, environment=self.environment)

    def must(self, *words: str) -> str:
        """What `docker WORDS` printed."""
        return must(str(DOCKER), *words, environment=self.environment)

    def from_host(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What came of a program that runs where ports are published."""
        return _run("nsenter", f"--net=/run/netns/{self.netns}", *words)

    def close(self) -> None:
        """Nothing of it runs, and nothing is mounted."""
        processes.stop(self.folder / "daemon.pid", within=60.0)
        for mounted in mounts_below(self.folder):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        subprocess.run(["ip", "netns", "del", self.netns], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def docker(folder: Path, netns: str) -> Iterator[Docker]:
    """An engine, not started yet, of which nothing is left afterwards."""
    folder.mkdir(parents=True)
    engine = Docker(folder, netns)
    try:
        yield engine
    finally:
        engine.close()


def must(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What the program printed."""
    done = _run(*words, environment=environment)
    assert done.returncode == 0, f"{' '.join(words[:6])}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def _run(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=900)

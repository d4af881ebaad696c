"""Programs that resolve names through a server of ours, while the machine's own resolver stays as it is.

Each runs in a mount namespace of its own, in which another file lies over /etc/resolv.conf. A nameserver there has no
port, so the server answers at port 53 of a loopback address that nobody else uses.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DNS_PORT = 53
TRIES = 5
_BIND = 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"'


@dataclass(frozen=True)
class Resolver:
    """A running name server, and the file that names it."""

    address: str
    file: Path

    def command(self, *program: str) -> list[str]:
        """A command that runs the program so that it resolves names here. It becomes the program: same process."""
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
        return [*unshare, "sh", "-c", _BIND, str(self.file), *program]


def needs_namespaces() -> None:
    """Where a name server cannot be had: skipped at home, failed in CI."""
    lacking = _lacking()
    if lacking:
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)


def _lacking() -> str:
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is needed"
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    tried = subprocess.run(["unshare", "--mount", *as_root, "true"], check=False, capture_output=True)
    if tried.returncode:
        return "no mount namespace of one's own is to be had here"
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return "" if os.geteuid() == 0 or lowest <= DNS_PORT else "port 53 needs root"


@contextmanager
def resolver(control: str, folder: Path) -> Iterator[Resolver]:
    """Names of the emulated Route 53 whose control API this is; nothing of it is left afterwards."""
    needs_namespaces()
    process, address = _started(control)
    file = folder / f"resolv-{address}.conf"
    file.write_text(f"nameserver {address}\noptions timeout:1 attempts:3\n")
    file.chmod(0o644)
    try:
        yield Resolver(address, file)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _started(control: str) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(TRIES):
        address = f"127.122.{secrets.randbelow(256)}.{2 + secrets.randbelow(250)}"
        command = [sys.executable, "-m", "s4_devcloud", "dns", "--listen", f"{address}:{DNS_PORT}", "--cloud", control]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            return process, str(json.loads(line)["address"])
        process.stdout.close()
        process.wait(10)
    raise AssertionError("no loopback address is free at port 53")

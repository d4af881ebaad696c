"""Installing Debian packages without starting the system services that some of them bring."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Say = Callable[[str], None]

POLICY = Path("/usr/sbin/policy-rc.d")
# Debian policy manual, 9.3.3.2: 101 forbids the action. The mark lets a later run remove what a killed one left.
_REFUSAL = "#!/bin/sh\n# left by the installation of S4's packages; safe to remove\nexit 101\n"
_UNITS = {
    "rabbitmq-server": ("rabbitmq-server.service", "epmd.socket"),
    "postgresql": ("postgresql.service",),
    "openssh-server": ("ssh.service",),
    "docker-registry": ("docker-registry.service",),
    "podman": ("podman.socket", "podman-auto-update.timer", "podman-restart.service"),
    "prometheus": ("prometheus.service",),
    "docker.io": ("docker.service", "docker.socket", "containerd.service"),
}


class InstallFailed(Exception):
    """apt-get said no; its last words are in the text."""


def install_command(packages: Sequence[str]) -> list[str]:
    """What installs them."""
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def install(packages: Sequence[str], say: Say, *, policy: Path = POLICY) -> None:
    """The packages are installed and none of their services was started, now or for the next boot."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_stay_off(policy):
        for command in (["apt-get", "update"], install_command(packages)):
            say(f"  $ {' '.join(command)}")
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise InstallFailed("\n".join((done.stdout + done.stderr).splitlines()[-15:]))
    _not_at_boot(packages, say)


@contextlib.contextmanager
def services_stay_off(policy: Path = POLICY) -> Iterator[None]:
    """Package scripts may not start services inside the block; a policy of the machine's own is left alone."""
    if policy.exists() and policy.read_text(encoding="utf-8", errors="replace") != _REFUSAL:
        yield
        return
    policy.write_text(_REFUSAL, encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def _not_at_boot(packages: Sequence[str], say: Say) -> None:
    """S4 starts its own private servers: what was just installed need not run as a system service."""
    if not Path("/run/systemd/system").exists() or shutil.which("systemctl") is None:
        return
    units = [unit for package in packages for unit in _UNITS.get(package, ())]
    if units:
        say(f"  $ systemctl disable {' '.join(units)}    (S4 runs private ones; enable them if you want them)")
        subprocess.run(["systemctl", "disable", "--quiet", *units], capture_output=True, check=False)

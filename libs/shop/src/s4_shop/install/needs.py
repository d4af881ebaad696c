"""The programs that are needed, the Debian packages that have them, and what becomes of a machine without them."""

import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """`is_met` looks for the program itself, not for the package: how it came to the machine does not matter."""

    packages: tuple[str, ...]
    why: str
    is_met: Callable[[], bool] = field(repr=False)
    without: str = ""  # what degrades; empty: nothing works without it

    @property
    def is_required(self) -> bool:
        """True when nothing works without it."""
        return not self.without


def needs(*, is_root: bool, for_tests: bool) -> list[Need]:
    """All that this machine should have."""
    found = [
        Need(
            ("rabbitmq-server",),
            "the broker that the services talk over",
            _file("/usr/lib/rabbitmq/bin/rabbitmq-server"),
        ),
        Need(("postgresql",), "the services' databases", _some("/usr/lib/postgresql/*/bin/postgres")),
        Need(("python3-venv",), "the Python packages get an environment of their own", _modules("ensurepip", "venv")),
        Need(("gcc", "libc6-dev", "python3-dev"), "one dependency of Tahoe-LAFS is compiled", _can_compile),
        Need(("ca-certificates",), "downloads are checked", _some("/etc/ssl/certs/*")),
    ]
    if is_root:
        slower = "machines are then plain sshd processes instead of booted systems"
        found += [
            Need(("mmdebstrap",), "bakes the machines' root filesystem", _program("mmdebstrap"), slower),
            Need(("systemd-container",), "boots the machines (systemd-nspawn)", _program("systemd-nspawn"), slower),
            Need(("iproute2",), "gives each machine a network of its own", _program("ip"), slower),
        ]
    if not is_root or for_tests:
        found.append(Need(("openssh-server",), "machines without root are plain sshd processes", _program("sshd")))
    if for_tests:
        without = "the browser's tests fail in CI and are skipped elsewhere"
        found.append(Need(("chromium",), "the site's JavaScript is tested in it", _program("chromium"), without))
        found += _operations()
    return found


def _operations() -> list[Need]:
    """What the tests of images, signatures and alert rules run."""
    without = "the tests of images and operations fail in CI and are skipped elsewhere"
    return [
        Need(("podman", "buildah", "runc"), "images are built and run", _program("podman", "buildah", "runc"), without),
        Need(("skopeo",), "images are copied and signed", _program("skopeo"), without),
        Need(("docker-registry",), "images are pushed to it", _program("docker-registry"), without),
        Need(("prometheus",), "alert rules are tested", _program("promtool"), without),
        Need(("docker.io", "docker-compose"), "compose.yaml is brought up", _docker, without),
    ]


def missing(wanted: list[Need]) -> list[Need]:
    """Those that this machine does not meet."""
    return [need for need in wanted if not need.is_met()]


def _program(*names: str) -> Callable[[], bool]:
    return lambda: all(any(shutil.which(name, path=path) for path in (None, "/usr/sbin:/sbin")) for name in names)


def _file(path: str) -> Callable[[], bool]:
    return lambda: Path(path).exists()


def _some(pattern: str) -> Callable[[], bool]:
    return lambda: any(Path("/").glob(pattern.lstrip("/")))


def _modules(*names: str) -> Callable[[], bool]:
    return lambda: all(importlib.util.find_spec(name) for name in names)


def _docker() -> bool:
    """Debian's own engine: another `docker` may be a client without one."""
    return _file("/usr/sbin/dockerd")() and _file("/usr/bin/docker-compose")()


def _can_compile() -> bool:
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which("gcc") is not None and (header.exists() or sys.prefix != "/usr")

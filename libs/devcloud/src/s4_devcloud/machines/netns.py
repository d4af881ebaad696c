"""Network namespaces by name, and sockets made inside them."""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000  # <linux/sched.h>
METADATA_ADDRESS = "169.254.169.254"

_libc = ctypes.CDLL(None, use_errno=True)


def create(name: str, address: str) -> None:
    """A namespace with loopback, one interface eth0 that has this address, and the metadata address."""
    subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
    lines = [
        "link set lo up",
        f"addr add {METADATA_ADDRESS}/32 dev lo",
        "link add eth0 type veth peer name gw0",
        "link set gw0 up",
        f"addr add {address}/16 dev eth0",
        "link set eth0 up",
    ]
    subprocess.run(
        ["ip", "-n", name, "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True
    )


def delete(name: str) -> None:
    """The namespace is gone; its sockets die with their last holder."""
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def named(prefix: str) -> list[str]:
    """The names that begin like this."""
    return sorted(path.name for path in FOLDER.glob(f"{prefix}*"))


def make_socket(
    name: str | None, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
) -> socket.socket:
    """A socket that lives in this namespace, or in ours, TCP if not told otherwise; it may be used from anywhere."""
    if name is None:
        return socket.socket(family, kind, protocol)
    with _entered(name):
        return socket.socket(family, kind, protocol)


@contextmanager
def _entered(name: str) -> Iterator[None]:
    """The calling thread, and it alone, is in the namespace."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        away = os.open(FOLDER / name, os.O_RDONLY)
        try:
            _setns(away)
        finally:
            os.close(away)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""The choice of a driver by its name."""

import os
import shutil
from pathlib import Path

from s4_devcloud.image import Image, Kind
from s4_devcloud.machines import nspawn, sshd
from s4_devcloud.machines.contract import Driver
from s4_devcloud.machines.crowd.driver import CrowdDriver
from s4_devcloud.machines.network import Network, WideNetwork

UNPRIVILEGED_SSH_PORT = 2222  # so that no root is needed


def open_crowd(state: Path, network: str | None, ssh_port: int | None, boot_seconds: float) -> Driver:
    """The driver of machines that are rows. Raises NetworkTaken."""
    return CrowdDriver(WideNetwork.claim(network, state), ssh_port or UNPRIVILEGED_SSH_PORT, boot_seconds)


def open_driver(image: Image, state: Path, network: str | None, ssh_port: int | None) -> Driver:
    """The driver that boots images of this kind. Raises NetworkTaken, and PermissionError where root is needed."""
    _check(image.kind)
    claimed = Network.claim(network, state)
    if image.kind == "sshd":
        return sshd.SshdDriver(state, image, claimed, ssh_port or UNPRIVILEGED_SSH_PORT)
    return nspawn.NspawnDriver(state, image, claimed, ssh_port or nspawn.SSHD_PORT)


def sweep(state: Path) -> list[str]:
    """End what a killed driver of either kind left in the state folder; the ids of its machines."""
    left = sshd.end_all(state)
    if os.geteuid() == 0:
        left = sorted({*left, *nspawn.sweep(state)})
    for folder in (state / "machines").glob("i-*"):
        shutil.rmtree(folder, ignore_errors=True)
    return left


def _check(kind: Kind) -> None:
    if kind == "nspawn" and os.geteuid() != 0:
        raise PermissionError("machines with systemd need root; --driver sshd does not")

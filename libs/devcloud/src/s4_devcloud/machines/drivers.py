"""The choice of a driver by its name."""

import os
from pathlib import Path

from s4_devcloud.image import Image
from s4_devcloud.machines.contract import Driver
from s4_devcloud.machines.network import Network
from s4_devcloud.machines.nspawn import NspawnDriver
from s4_devcloud.machines.sshd import SshdDriver

SSHD_PORT = 2222  # an unprivileged port, so that no root is needed


def open_driver(image: Image, state: Path, network: str | None, ssh_port: int | None) -> Driver:
    """The driver that boots images of this kind. Raises NetworkTaken, and PermissionError where root is needed."""
    if image.kind == "nspawn" and os.geteuid() != 0:
        raise PermissionError("machines with systemd need root; --driver sshd does not")
    claimed = Network.claim(network, state)
    if image.kind == "sshd":
        return SshdDriver(state, image, claimed, ssh_port or SSHD_PORT)
    return NspawnDriver(state, image, claimed, ssh_port or 22)

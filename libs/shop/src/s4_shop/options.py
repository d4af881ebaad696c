"""How a shop differs from another: nothing of this is a secret."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

Driver = Literal["nspawn", "sshd"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`environment` adds settings to single parts: {"provisioner": {"S4_CONCURRENCY": "4"}}."""

    repository: Path
    driver: Driver
    images: Path
    node: Path
    durable: bool = True
    environment: Mapping[str, Mapping[str, str]] = {}


def default_options(repository: Path, environ: Mapping[str, str]) -> Options:
    """Machines by systemd-nspawn where that can be, else by plain sshd. SHOP_DRIVER decides otherwise."""
    asked = environ.get("SHOP_DRIVER")
    if asked not in (None, "", "nspawn", "sshd"):
        raise ValueError(f"SHOP_DRIVER={asked}: it is nspawn or sshd")
    return Options(
        repository=repository,
        driver="sshd" if asked == "sshd" else "nspawn" if asked or _can_nspawn() else "sshd",
        images=Path(environ.get("SHOP_IMAGES") or repository / ".s4" / "images"),
        node=Path(environ.get("SHOP_NODE") or repository / ".s4" / "node"),
    )


def state_folder(repository: Path, environ: Mapping[str, str]) -> Path:
    """Where the shop of this clone lives: SHOP_STATE, or .s4/shop."""
    return Path(environ.get("SHOP_STATE") or repository / ".s4" / "shop").resolve()


def _can_nspawn() -> bool:
    return os.geteuid() == 0 and shutil.which("systemd-nspawn") is not None and shutil.which("mmdebstrap") is not None

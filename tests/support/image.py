"""The machine image that all tests share: baked once, found again by every later run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from s4_devcloud.image import Kind

ROOT = Path(__file__).parents[2]


def bake(kind: Kind) -> Path:
    """The folder that holds the current image of this kind; a second call takes no time."""
    folder = Path(os.environ.get("SHOP_IMAGES") or ROOT / ".s4/images")
    command = [sys.executable, "-m", "s4_devcloud", "image", "--output", str(folder)]
    subprocess.run([*command, "--node", str(ROOT / "libs/node"), "--kind", kind], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def machine_image() -> Path:
    """The folder with an image that boots systemd. Without root: skipped at home, failed in CI."""
    if os.geteuid() != 0:
        message = "machines with systemd need root"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return bake("nspawn")


@pytest.fixture(scope="session")
def plain_image() -> Path:
    """The folder with what an sshd-only machine needs."""
    return bake("sshd")

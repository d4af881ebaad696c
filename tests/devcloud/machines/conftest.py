"""One driver of each kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from s4_devcloud.image import Image, Kind
from s4_devcloud.machines import Driver, Machine, MachineSpec
from s4_devcloud.machines.drivers import open_driver
from support.image import machine_image, plain_image  # noqa: F401  fixtures
from support.login import Keys
from support.machines import Boot, new_id


@pytest.fixture(params=["nspawn", "sshd"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return cast("Kind", request.param)


@pytest.fixture
def image(kind: Kind, request: pytest.FixtureRequest) -> Image:
    folder = request.getfixturevalue("machine_image" if kind == "nspawn" else "plain_image")
    return Image.read(folder, kind)


@pytest.fixture
def driver(image: Image, state_dir: Path) -> Iterator[Driver]:
    opened = open_driver(image, state_dir, None, None)
    yield opened
    opened.close()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def boot(driver: Driver, keys: Keys) -> Boot:
    """Boots a machine and waits for its sshd."""

    def booted(**more: str) -> Machine:
        machine = driver.boot(MachineSpec(new_id(), "10.20.0.11", keys.user_data(**more).encode()))
        machine.wait_ssh(60)
        return machine

    return booted

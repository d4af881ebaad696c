"""A host whose grids are removed after the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    for home in host.grids.glob("*-*-*-*-*"):
        assert host.run("remove", home.name).json["state"] == "absent"

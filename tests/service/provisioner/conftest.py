import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.grid_cloud import KEYS, Cloud, local_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with the credentials that it takes in the environment."""
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    with local_cloud(Path(tmp_path_factory.mktemp("cloud"))) as cloud:
        yield cloud
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value

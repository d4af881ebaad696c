from collections.abc import Iterator
from pathlib import Path

import pytest

from support.grid_cloud import Cloud, light, local_cloud


@pytest.fixture(scope="session")
def crowd(aws_keys: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with machines that are rows."""
    folder = Path(tmp_path_factory.mktemp("crowd"))
    with local_cloud(folder, light(folder / "image"), "crowd") as cloud:
        yield cloud

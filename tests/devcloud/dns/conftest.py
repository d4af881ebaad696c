"""A cloud with a zone, and its names."""

from collections.abc import Iterator

import pytest

from support.cloud import LocalCloud
from support.hosted_zone import Zone


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    started = LocalCloud(tmp_path_factory.mktemp("crowd"), None, "--driver", "crowd")
    yield started
    assert started.stop() == 0


@pytest.fixture
def zone(cloud: LocalCloud) -> Zone:
    return Zone(cloud)

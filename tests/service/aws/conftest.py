"""One local cloud for all tests of this folder; each has a deployment of its own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from s4_aws.clients import Clients, Regions, open_regions
from s4_aws.machines import Machines
from s4_aws.sessions import Sessions
from s4_runtime import SystemClock
from support.grid_cloud import KEYS, REGION, Cloud, light, local_cloud


@pytest.fixture(scope="session")
def cloud_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with machines that run nothing; AWS's own chain finds its credentials in the environment."""
    image = light(Path(tmp_path_factory.mktemp("image")))
    with pytest.MonkeyPatch.context() as patch, local_cloud(Path(tmp_path_factory.mktemp("cloud")), image) as cloud:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield cloud


@pytest.fixture
def cloud(cloud_of_all: Cloud) -> Iterator[Cloud]:
    """The cloud; afterwards nothing goes wrong in it any more."""
    yield cloud_of_all
    cloud_of_all.mend()


@pytest.fixture
async def regions(cloud: Cloud) -> AsyncIterator[Regions]:
    async with open_regions(cloud.endpoint) as regions:
        yield regions


@pytest.fixture
async def clients(regions: Regions) -> Clients:
    return await regions.of(REGION)


@pytest.fixture
async def deployment(cloud: Cloud) -> AsyncIterator[str]:
    """A name of its own; its machines are gone afterwards."""
    name = f"t{uuid.uuid4().hex[:10]}"
    yield name
    await asyncio.to_thread(cloud.end_machines, name)


@pytest.fixture
def machines(clients: Clients) -> Machines:
    return Machines(clients.ec2)


@pytest.fixture
def sessions(clients: Clients) -> Sessions:
    return Sessions(clients.sts, clients.iam, SystemClock())

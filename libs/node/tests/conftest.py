"""A host whose grids are removed after the test, and an S3 with a bucket for it."""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from commands import Host
from s4_node.s3.values import Store
from support.s3_control import S3Control
from support.s3_servers import Server, start_double

# How long an example takes is the machine's affair. Tahoe-LAFS' own suites load a profile when they are imported, by
# this name; theirs for CI has no deadline either.
os.environ.setdefault("TAHOE_LAFS_HYPOTHESIS_PROFILE", "ci")
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    for grid_id in host.listed():
        assert host.run("remove", grid_id).json["state"] == "absent"
    assert not [*host.grids.glob(".shards/*")], "no shard is left without a grid"


@pytest.fixture(scope="session", autouse=True)
def _the_reactor_ends() -> Iterator[None]:
    """Its threads would keep a process of tests from ending."""
    yield
    if "twisted.internet.reactor" in sys.modules:
        from support.spinning import reactor

        reactor.fireSystemEvent("shutdown")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our S3 double, one for each process of tests."""
    server = start_double(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def bucket_name(s3: Server) -> str:
    """A bucket of this test's own."""
    name = f"b-{secrets.token_hex(8)}"
    s3.make_bucket(name)
    return name


@pytest.fixture
def store(s3: Server, bucket_name: str) -> Store:
    return s3.store(bucket_name)


@pytest.fixture
def s3_control(s3: Server) -> Iterator[S3Control]:
    """Faults, delays and counts of the double, which is as good as new before and after."""
    control = S3Control(s3.control)
    control.reset()
    yield control
    control.reset()

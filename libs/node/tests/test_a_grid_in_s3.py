"""A grid whose shares are in a bucket, as a host is told to serve it: its disk holds nothing that matters."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from commands import Host, eventually, free_port, probe
from s4_node.s3.values import Store
from support.clients import a_running_client
from support.hosted import in_the_bucket
from support.s3_control import S3Control


@pytest.fixture
def host(host: Host, store: Store) -> Host:
    """A host whose grids find the double's credentials where AWS's own chain looks."""
    keys = store.credentials.removeprefix("file:")
    host.more["environment"] = {"AWS_SHARED_CREDENTIALS_FILE": keys, "AWS_CONFIG_FILE": "/dev/null"}
    return host


def shares(s3_control: S3Control, store: Store) -> set[str]:
    return {key for key in s3_control.objects(store.bucket) if key.startswith("shares/")}


def bytes_of_shares_below(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and path.stat().st_size > 60_000)


def test_a_running_client_reads_on_after_the_disk_was_destroyed_and_the_node_killed(
    host: Host, store: Store, s3_control: S3Control, tmp_path: Path
) -> None:
    grid = in_the_bucket(store)
    assert host.apply(grid)["state"] == "running"
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        stored = shares(s3_control, store)
        assert len(stored) == 2, "a file and a mutable file"
        assert bytes_of_shares_below(host.home()) == 0, "nothing of them is on the disk"

        pid = host.pid()
        shutil.rmtree(host.home())
        os.kill(pid, signal.SIGKILL)
        assert host.apply(grid)["state"] == "running"

        assert client.ask("read") == {"read": True}
    assert shares(s3_control, store) == stored
    assert probe(grid.introducer_furl).json["ok"] is True
    assert len(shares(s3_control, store)) == 4, "and what is stored now goes where it always went"


def test_a_host_that_removes_a_grid_leaves_its_bucket_alone(host: Host, store: Store, s3_control: S3Control) -> None:
    grid = in_the_bucket(store)
    host.apply(grid)
    assert probe(grid.introducer_furl).code == 0
    stored = shares(s3_control, store)

    assert host.run("remove").json["state"] == "absent"

    assert shares(s3_control, store) == stored != set()


def test_a_full_grid_takes_nothing_more_until_its_quota_is_raised(host: Host, store: Store) -> None:
    full = in_the_bucket(store, quota_bytes=1000)
    assert host.apply(full)["state"] == "running"
    assert probe(full.introducer_furl, timeout_seconds=20).json["code"] == "put-failed"
    larger = in_the_bucket(store, full, quota_bytes=10**9)

    assert host.apply(larger)["changed"] is True

    assert probe(larger.introducer_furl).json["ok"] is True


@pytest.mark.long
def test_a_node_starts_without_waiting_for_a_bucket_that_nobody_serves(host: Host, store: Store) -> None:
    grid = in_the_bucket(store)
    grid.specification["storage"]["s3"]["endpoint"] = f"http://127.0.0.1:{free_port()}"  # type: ignore[index]  # JSON

    answer = host.apply(grid)

    assert answer["state"] == "running"
    assert answer["start_seconds"] < 15
    assert host.run("stop").json["state"] == "stopped"


def test_a_grid_with_credentials_that_are_of_no_use_is_served_and_stores_nothing(
    host: Host, store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    host.more["environment"]["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "none")
    host.more["environment"]["AWS_EC2_METADATA_DISABLED"] = "true"
    grid = in_the_bucket(store)
    assert host.apply(grid)["state"] == "running"

    assert probe(grid.introducer_furl, timeout_seconds=20).json["ok"] is False

    eventually(lambda: host.run("status").json["state"] == "running")
    assert shares(s3_control, store) == set()

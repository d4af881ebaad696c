"""`s4-node pod`: a grid from mounted files, with credentials that are replaced while it runs."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import free_port, probe, run
from minting import Grid
from s4_node.s3.values import Store
from support.hosted import in_the_bucket, known, session
from support.s3_control import S3Control
from support.serving import LOOPBACK, Serving, mint


def shared_credentials(lent: dict[str, str]) -> str:
    """As AWS' tools read them."""
    return (
        f"[default]\naws_access_key_id = {lent['access_key_id']}\naws_secret_access_key = {lent['secret_access_key']}\n"
        f"aws_session_token = {lent['session_token']}\n"
    )


class Mounted:
    """A folder of files as a kubelet keeps it: a new version is written beside, and one link is turned to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._version = 0

    def put(self, **files: str) -> None:
        self._version += 1
        fresh = self.folder / f"..{self._version}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")


class Pod:
    """A grid's mounted files, and the process that serves them."""

    def __init__(self, folder: Path, grid: Grid) -> None:
        self.grid = grid
        self.specification, self.keys = Mounted(folder / "grid"), Mounted(folder / "keys")
        self.specification.put(specification=json.dumps(grid.specification))
        self.home = folder / "home"
        words = [f"--specification={self.specification.folder}/specification"]
        words += [f"--credentials={self.keys.folder}/credentials", f"--directory={self.home}", f"--bind={LOOPBACK}"]
        self.served = Serving(["pod", *words], folder / "log")

    def lend(self, lent: dict[str, str]) -> None:
        self.keys.put(credentials=shared_credentials(lent))

    def sequence(self) -> int:
        return int((self.home / self.grid.grid_id / "storage" / "announcement-seqnum").read_text())


@pytest.fixture
def pod(tmp_path: Path, store: Store) -> Iterator[Pod]:
    made = Pod(tmp_path, in_the_bucket(store, mint(1)))
    yield made
    made.served.stop(signal.SIGKILL)


def test_a_grid_is_served_from_mounted_files_and_ends_in_order(pod: Pod, s3_control: S3Control) -> None:
    pod.lend(known(s3_control, session(1)))
    pod.served.start().until_ready()

    assert probe(pod.grid.introducer_furl).json["ok"] is True
    assert pod.served.conditions()[pod.grid.grid_id]["state"] == "serving"
    assert pod.served.stop() == 0


def test_a_running_node_takes_the_credentials_that_are_mounted_later(pod: Pod, s3_control: S3Control) -> None:
    first = known(s3_control, session(1))
    pod.lend(first)
    pod.served.start().until_ready()
    assert probe(pod.grid.introducer_furl).json["ok"] is True
    pid = pod.served.pid

    known(s3_control, first, state="expired")
    pod.lend(known(s3_control, session(2)))

    assert probe(pod.grid.introducer_furl).json["ok"] is True
    assert pod.served.pid == pid
    assert pod.served.get("/healthz")[0] == 200


def test_without_credentials_it_waits_unready_and_is_ready_once_they_come(pod: Pod, s3_control: S3Control) -> None:
    pod.served.start()
    deadline = time.monotonic() + 30
    while pod.served.conditions().get(pod.grid.grid_id, {}).get("bucket", None) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert pod.served.get("/readyz")[0] == 503
    assert pod.served.get("/healthz")[0] == 200
    pod.lend(known(s3_control, session(1)))

    pod.served.until_ready()


def test_the_announcement_number_rises_although_nothing_was_kept(pod: Pod, s3_control: S3Control) -> None:
    pod.lend(known(s3_control, session(1)))
    pod.grid.specification["storage"]["files"]["announcement-seqnum"] = "1000\n"  # type: ignore[index]  # JSON
    pod.specification.put(specification=json.dumps(pod.grid.specification))

    pod.served.start().until_ready()

    assert pod.sequence() >= int(time.time()) - 60


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("no JSON", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "storage.nickname"),
    ],
)
def test_a_specification_that_is_no_good_is_refused_at_once(tmp_path: Path, told: str, said: str) -> None:
    (tmp_path / "specification").write_text(told)
    words = [
        f"--specification={tmp_path}/specification",
        f"--directory={tmp_path}",
        f"--listen={LOOPBACK}:{free_port()}",
    ]

    answer = run("s4-node", "pod", *words)

    assert answer.code == 2
    assert said in answer.err


def test_a_grid_without_a_bucket_is_refused(tmp_path: Path) -> None:
    (tmp_path / "specification").write_text(json.dumps(mint(1).specification))

    answer = run("s4-node", "pod", f"--specification={tmp_path}/specification", f"--directory={tmp_path}")

    assert answer.code == 2
    assert "there must be a bucket" in answer.err

"""The part as a process: what it prints, what it leaves, what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.cluster import Cluster, light_nodes
from support.cluster_objects import grid_secret, stateful_set
from support.waiting import until

pytestmark = pytest.mark.long  # every test of the driver starts and ends it


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return light_nodes(tmp_path / "image")


async def with_a_pod(cluster: Cluster) -> str:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})
    cluster.apply(grid_secret("a"))
    cluster.apply(stateful_set("a"))
    pod = await cluster.ready_pod("grid-0", "a")
    return str(pod["metadata"]["uid"])


def living(uid: str) -> list[str]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if uid in environ.read_text(errors="replace"):
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


async def test_when_it_ends_no_pod_lives_on(tmp_path: Path, image: Path) -> None:
    cluster = Cluster(tmp_path / "state", image)
    uid = await with_a_pod(cluster)

    assert cluster.stop() == 0

    assert living(uid) == []


async def test_what_a_killed_run_left_is_ended_by_the_next(tmp_path: Path, image: Path) -> None:
    cluster = Cluster(tmp_path / "state", image)
    uid = await with_a_pod(cluster)
    cluster.kill()
    assert living(uid)

    again = Cluster(tmp_path / "state", image)

    await until(lambda: not living(uid), within=5, what="the pod is gone")
    assert again.stop() == 0


def test_one_process_serves_from_a_folder(tmp_path: Path, image: Path) -> None:
    cluster = Cluster(tmp_path / "state", image)
    command = [
        sys.executable,
        "-m",
        "s4_devcloud",
        "kubernetes",
        "--state",
        str(tmp_path / "state"),
        "--image",
        str(image),
    ]

    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert second.returncode == 1
    assert "another process serves" in second.stderr
    assert cluster.stop() == 0


def test_without_an_image_it_says_how_to_get_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "s4_devcloud", "kubernetes", "--state", str(tmp_path), "--image", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert done.returncode == 1
    assert "no sshd image" in done.stderr


def test_the_administrators_way_in_is_for_the_administrator_alone(tmp_path: Path, image: Path) -> None:
    cluster = Cluster(tmp_path / "state", image)

    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0
    assert cluster.stop() == 0

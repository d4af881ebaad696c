"""`s4 deploy staging` with the manifests that we have, to a cluster that has staging's platform and its policies."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.images import release as releases
from s4_ops.images import signing
from s4_ops.images.pinning import pin
from s4_ops.images.recipes import SERVICES
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName
from support.cluster import Cluster, light_nodes, local_cluster
from support.cluster_objects import secret
from support.installation import Installation, Repository
from support.manifests import Manifests, connected
from support.manifests.by_hand import local_secrets
from support.manifests.rendering import K8S, KUBECTL, load
from support.registries import push

pytestmark = pytest.mark.long

RUN = (*SERVICES, "mailbox")
MIRRORED = ("rabbitmq", "postgresql", "prometheus", "alertmanager", "grafana", "kube-state-metrics", "vector")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster(folder / "state", light_nodes(folder / "image"), "--node-memory", "32Gi") as cluster:
        yield cluster


class Ours(Repository):
    """A clone of this repository's manifests, whose registry is another one's."""

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__(folder)
        shutil.copytree(K8S, folder / "k8s")
        for path in (folder / "k8s").rglob("*.yaml"):
            path.write_text(path.read_text().replace("registry.s4.example", host))

    def commit(self, words: str, *, branch: str = "main") -> str:
        assert branch == "main"
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", words)
        return self._git("rev-parse", "HEAD").strip()


@pytest.fixture
def ours(installation: Installation) -> Installation:
    """The installation, with our manifests and with staging's platform."""
    clone = Ours(installation.folder / "ours", installation.place.host)
    for name in MIRRORED:
        image = push(installation.place, f"mirror/{name}", name)
        pin([clone.folder / "k8s"], f"mirror/{name}", image)
    installation.repository = clone
    installation.pretend("s4_bus apply", ends=0)
    platform = subprocess.run(
        [KUBECTL, "kustomize", clone.folder / "k8s/overlays/staging/platform"],
        capture_output=True,
        text=True,
        check=True,
    )
    apply(installation, platform.stdout)
    made = connected.made_secrets(Manifests(load(platform.stdout)))
    known = {**{name: dict.fromkeys(keys, "word") for name, keys in made.items()}, **local_secrets()}
    apply(
        installation, "\n---\n".join(json.dumps(secret("s4-staging", name, **texts)) for name, texts in known.items())
    )
    return installation


def apply(installation: Installation, text: str) -> None:
    command = [
        str(KUBECTL),
        "--kubeconfig",
        str(installation.cluster.kubeconfig),
        "apply",
        "--server-side",
        "--filename",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def released(ours: Installation) -> Path:
    """A signed release of every image that the manifests name."""
    images: dict[str, ImageName] = {name: push(ours.place, f"s4-{name}", name) for name in (*RUN, "cli")}
    for image in images.values():
        signing.sign(Registry(ours.place.host), image, ours.key)
    digests = {name: image.digest for name, image in images.items()}
    made = releases.Release(revision=ours.repository.commit("released"), created_at=datetime.now(UTC), images=digests)
    path = ours.folder / "release.json"
    releases.write(made, path, ours.key)
    return path


def test_all_of_staging_is_served_and_nothing_has_drifted(
    ours: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    public = ours.folder / "release.pub"
    public.write_text(ours.key.public.pem)
    place = ["--registry", str(ours.place), "--repository", str(ours.repository.folder), "--public-key", str(public)]
    watched = ["--release", str(released(ours)), "--prometheus", ours.counters.url, "--watch", "0.02"]
    assert main(["deploy", "staging", *place, *watched]) == 0
    code = capsys.readouterr().out.split("--confirm ")[1].split()[0]

    assert main(["deploy", "staging", *place, *watched, "--note", "a test", "--confirm", code]) == 0

    assert set(ours.running()) == set(RUN)
    assert all(image.startswith(f"{ours.place}/s4-") for image in ours.running().values())
    assert main(["deploy", "drift", "staging", *place]) == 0

"""What a release becomes of our own manifests; nothing is rendered while an image is still to be chosen."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.rendering import Rendered, rendered
from s4_ops.deploy.site import NAMESPACES
from s4_ops.images.pinning import PLACEHOLDER, pin
from s4_ops.images.recipes import SERVICES
from s4_ops.images.release import Release
from s4_ops.registry.names import ImageName, Place
from s4_runtime import Permanent
from support.manifests.rendering import K8S

PLACE = Place("registry.s4.example")
DIGEST = "sha256:" + "1f" * 32
MIRRORED = ("rabbitmq", "postgresql", "prometheus", "alertmanager", "grafana", "kube-state-metrics", "vector")


class Clone:
    """A repository with our manifests, in which somebody may have chosen images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(K8S, folder / "k8s")
        self._git("init", "--quiet", "--initial-branch=main")

    def choose(self, *names: str) -> None:
        """As `s4 images mirror --manifests k8s` does."""
        for name in names:
            pin([self.folder / "k8s"], f"mirror/{name}", ImageName(PLACE.host, f"mirror/{name}", DIGEST))

    def rendered(self, environment: str, *, without: str = "") -> Rendered:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "manifests")
        names = {*SERVICES, "mailbox", "cli"} - {without}
        revision = self._git("rev-parse", "HEAD").strip()
        release = Release(revision=revision, created_at=datetime.now(UTC), images=dict.fromkeys(sorted(names), DIGEST))
        return rendered(Kubectl(NAMESPACES[environment]), self.folder, environment, release, PLACE)

    def _git(self, *words: str) -> str:
        known = ("-c", "user.name=tests", "-c", "user.email=tests@s4.example", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(self.folder), *known, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.parametrize("environment", NAMESPACES)
def test_everything_of_a_release_runs_images_of_the_release(clone: Clone, environment: str) -> None:
    clone.choose(*MIRRORED)
    found = clone.rendered(environment)
    assert len(found.services) == len({*SERVICES, "mailbox"})
    assert len(found.before) == len(SERVICES) + 1
    (backup,) = (one for one in found.rest if one["kind"] == "CronJob")
    (container,) = backup["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{PLACE}/s4-cli@{DIGEST}"


@pytest.mark.parametrize(
    ("environment", "missing", "what"),
    [
        ("production", "rabbitmq", "StatefulSet/rabbitmq"),
        ("staging", "postgresql", "Cluster/postgres"),
        ("production", "grafana", "Deployment/grafana"),
    ],
)
def test_an_image_of_others_that_nobody_chose_stops_a_deployment(
    clone: Clone, environment: str, missing: str, what: str
) -> None:
    clone.choose(*(name for name in MIRRORED if name != missing))
    with pytest.raises(Permanent, match=f"image-not-chosen object={what} image=registry.s4.example/mirror/{missing}"):
        clone.rendered(environment)


def test_a_release_that_lacks_an_image_is_refused_by_its_name(clone: Clone) -> None:
    clone.choose(*MIRRORED)
    with pytest.raises(Permanent, match="image-not-in-release object=CronJob/backup"):
        clone.rendered("production", without="cli")


def test_one_command_for_each_image_leaves_no_placeholder_but_those_of_releases_and_of_the_registry() -> None:
    left = {
        match
        for path in K8S.rglob("*.yaml")
        for match in re.findall(rf"([\w./-]+)(?:@|\n +digest: ){PLACEHOLDER}", path.read_text())
    }
    ours = {f"registry.s4.example/s4-{name}" for name in (*SERVICES, "mailbox", "cli")}
    mirrored = {f"registry.s4.example/mirror/{name}" for name in MIRRORED}
    assert left <= ours | mirrored | {"docker.io/library/registry", "registry.k8s.io/kubectl"}

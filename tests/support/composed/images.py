"""All images that compose.yaml names, built or stood in for, in one archive."""

import json
import subprocess
import sys
from pathlib import Path

from support import bases
from support.composed import official
from support.composed.engine import Docker
from support.composed.file import SERVICES
from support.engines import Podman, private_podman

_NAMED = sorted({service["image"] for service in SERVICES.values()})
OURS = [image.removeprefix("s4-").removesuffix(":local") for image in _NAMED if image.startswith("s4-")]
OTHERS = {
    image.rpartition("/")[2].partition(":")[0]: image
    for image in _NAMED
    if image.startswith("docker.io/") and "grafana" not in image
}
# The one that tests work on.
DEVELOPED = "web"
_DEVELOP = f"localhost/s4-{DEVELOPED}:develop"


def build(sources: Path, folder: Path, archive: Path) -> None:
    """They are in the archive."""
    with private_podman(folder) as engine:
        engine.take(bases.python(folder), bases.PYTHON, f"ENV PATH={bases.PATH}")
        official.take(engine, folder, OTHERS)
        _ours(engine, sources)
        _developed(engine, sources)
        names = [f"localhost/s4-{name}:local" for name in OURS]
        save = ["save", "--quiet", "--multi-image-archive", f"--output={archive}"]
        engine.must(*save, *names, _DEVELOP, *OTHERS.values())


def load(engine: Docker, archive: Path) -> None:
    """The engine has them, under the names that compose.yaml gives them."""
    engine.must("load", "--quiet", "--input", str(archive))
    for name in [*(f"s4-{name}:local" for name in OURS), _DEVELOP.removeprefix("localhost/")]:
        engine.must("tag", f"localhost/{name}", name)


def _ours(engine: Podman, sources: Path) -> None:
    mounts = [word for mount in bases.build_mounts() for word in ("--mount", mount)]
    options = ["--pull", "never", "--network", "host", "--json", "--source", str(sources)]
    done = subprocess.run(
        [sys.executable, "-m", "s4_cli", "images", "build", *OURS, *mounts, *options],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for name in json.loads(done.stdout)["images"]:
        engine.must("tag", f"localhost/s4-{name}:latest", f"localhost/s4-{name}:local")


def _developed(engine: Podman, sources: Path) -> None:
    mounts = [word for mount in bases.build_mounts() for word in ("--volume", f"{mount}:ro")]
    build = ["build", "--pull=never", "--network=host", "--target=develop", f"--build-arg=SERVICE={DEVELOPED}"]
    engine.must(*build, *mounts, f"--tag={_DEVELOP}", str(sources))

"""A container engine of a test's own: everything it keeps is below one folder, and nothing is left of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from s4_devcloud.image.shelf import mounts_below
from s4_shop.missing import MissingProgram

# This kernel lets nobody raise limits, and has control groups of both versions.
_CONTAINERS = """[containers]
default_ulimits=["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


class Podman:
    """podman with storage of its own."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("podman") is None or shutil.which("runc") is None:
            raise MissingProgram("podman")
        self._folder = folder
        (folder / "containers.conf").write_text(_CONTAINERS)
        (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(storage)
        scratch = folder / "scratch"
        scratch.mkdir()
        named = {
            "CONTAINERS_CONF": "containers.conf",
            "CONTAINERS_REGISTRIES_CONF": "registries.conf",
            "CONTAINERS_STORAGE_CONF": "storage.conf",
        }
        self.environment = {
            **os.environ,
            "TMPDIR": str(scratch),
            **{variable: str(folder / file) for variable, file in named.items()},
        }

    def run(self, *words: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """What came of `podman WORDS`."""
        return subprocess.run(
            ["podman", *words], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def must(self, *words: str) -> str:
        """What `podman WORDS` printed."""
        done = self.run(*words)
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr[-3000:]}"
        return done.stdout

    def look(self, image: str) -> dict[str, Any]:
        """What it knows of an image."""
        found: dict[str, Any] = json.loads(self.must("image", "inspect", image))[0]
        return found

    def take(self, root: Path, name: str, *changes: str) -> str:
        """A tar of a root filesystem is an image of this name; its id."""
        changed = [word for change in changes for word in ("--change", change)]
        return self.must("import", *changed, str(root), name).strip()

    def keep_only(self, image: str) -> None:
        """No other image is here any more, and no step of a build."""
        kept = self.look(image)["Id"]
        found = set(self.must("images", "--all", "--quiet", "--no-trunc").replace("sha256:", "").split()) - {kept}
        self.run("rmi", "--force", *sorted(found))
        assert self.must("images", "--all", "--quiet", "--no-trunc").replace("sha256:", "").split() == [kept]

    def close(self) -> None:
        """Nothing runs, and nothing is mounted."""
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("rmi", "--all", "--force")
        self.run("volume", "rm", "--all", "--force")
        for mounted in mounts_below(self._folder):
            subprocess.run(["umount", mounted], check=False)


@contextmanager
def private_podman(folder: Path) -> Iterator[Podman]:
    """An engine whose folder is gone afterwards."""
    folder.mkdir(parents=True)
    engine = Podman(folder)
    try:
        yield engine
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)

"""Where what belongs to a cluster is on the operator's machine: nothing there is needed for good."""

import os
from pathlib import Path

import msgspec

from s4_ops.cluster.spec import Spec

_FOLDER = Path(".s4") / "clusters"


class Place(msgspec.Struct, frozen=True):
    """One cluster's folder, which only its owner reads."""

    folder: Path

    @property
    def manifests(self) -> Path:
        """What kops was told last."""
        return self.folder / "manifests.yaml"

    @property
    def kubeconfig(self) -> Path:
        """A file of its own, so that kubectl never speaks to another cluster than the one that was asked for."""
        return self.folder / "kubeconfig"

    @property
    def ssh_key(self) -> Path:
        """The private key, where there is one; the public one is beside it."""
        return self.folder / "ssh-key"


def place_of(spec: Spec, base: Path = _FOLDER) -> Place:
    """The place of the spec's cluster; nothing is made yet."""
    return Place(base / spec.name)


def write(path: Path, text: str) -> None:
    """The file holds this, whole, and only its owner reads it; a killed attempt left the one before."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.fresh")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

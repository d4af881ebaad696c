"""The folder that keeps baked layers and says which of them make up the current image."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["nspawn", "sshd"]
Say = Callable[[str], None]
PARTIAL = "partial-"


class ImageMissing(Exception):
    """No image of this kind has been baked into the folder."""


@dataclass(frozen=True)
class Image:
    """A baked image. `layers` are folders, the topmost first."""

    kind: Kind
    name: str
    layers: tuple[Path, ...]

    @classmethod
    def read(cls, folder: Path, kind: Kind) -> "Image":
        """The image that was baked last. Raises ImageMissing."""
        try:
            described = json.loads((folder / f"{kind}.json").read_text())
        except FileNotFoundError:
            raise ImageMissing(f"no {kind} image in {folder}: run python -m s4_devcloud image") from None
        return cls(kind, described["name"], tuple(folder / layer for layer in described["layers"]))


def digest(*parts: str | bytes) -> str:
    """The same for the same parts, whatever they contain."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return total.hexdigest()[:16]


def digest_of_tree(folder: Path, names: list[str]) -> str:
    """The hash of the named files and folders below `folder`; what does not exist counts as empty."""
    files = [path for name in names for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()]
    kept = sorted(path for path in files if path.suffix != ".pyc")
    return digest(*(part for path in kept for part in (str(path.relative_to(folder)), path.read_bytes())))


@dataclass(frozen=True)
class Shelf:
    """Layers by name, each complete or absent."""

    folder: Path
    say: Say

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One baker at a time; a second one waits here, and then finds the work done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("another process bakes here: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._clear_partial()
            yield

    def layer(self, name: str, what: str, bake: Callable[[Path], None]) -> Path:
        """The folder of this layer; `bake` fills it when it is not there. Interrupted: no layer."""
        kept = self.folder / name
        if kept.is_dir():
            return kept
        self.say(f"{what} ...")
        began = time.monotonic()
        partial = self.folder / f"{PARTIAL}{name}"
        partial.mkdir()
        bake(partial)
        partial.rename(kept)
        self.say(f"{what}: {time.monotonic() - began:.1f} s")
        return kept

    def publish(self, kind: Kind, layers: list[Path]) -> Image:
        """From now on this is the current image of its kind."""
        names = [layer.name for layer in layers]
        name = f"s4-node-{digest(*names)}"
        beside = self.folder / f"{PARTIAL}{kind}.json"
        beside.write_text(json.dumps({"kind": kind, "name": name, "layers": names}, indent=1) + "\n")
        beside.replace(self.folder / f"{kind}.json")
        return Image.read(self.folder, kind)

    def _clear_partial(self) -> None:
        for leftover in self.folder.glob(f"{PARTIAL}*"):
            for mounted in mounts_below(leftover):
                subprocess.run(["umount", "--lazy", mounted], check=False)
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def mounts_below(folder: Path) -> list[str]:
    """Mount points in this folder, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    inside = str(folder.resolve()) + os.sep
    return sorted((point for point in points if point.startswith(inside)), key=len, reverse=True)

"""Digests of others' images in manifests: written where the images are named, and found where they are missing."""

import re
from collections.abc import Iterator
from pathlib import Path

from s4_ops.registry.names import ImageName
from s4_runtime import Permanent

# What stands in manifests until somebody chose an image: nothing has this digest.
PLACEHOLDER = "sha256:" + "0" * 64
_DIGEST = "sha256:[0-9a-f]{64}"


def pin(folders: list[Path], named: str, image: ImageName) -> list[Path]:
    """Each manifest below that names the image by a digest names this one; those that changed.

    ``named`` ends what is there now: ``mirror/rabbitmq``, or a whole name. Raises Permanent where nothing names it.
    """
    pattern = re.compile(rf"(?<![\w./:-])(?:[\w.:-]+/)*?{re.escape(named)}(@|\n +digest: ){_DIGEST}")
    found, changed = False, []
    for path in _manifests(folders):
        text = path.read_text(encoding="utf-8")
        fresh, count = pattern.subn(lambda old: f"{image.without_digest}{old[1]}{image.digest}", text)
        found = found or count > 0
        if fresh != text:
            beside = path.with_name(f".{path.name}.part")
            beside.write_text(fresh, encoding="utf-8")
            beside.replace(path)
            changed.append(path)
    if not found:
        raise Permanent("nothing-names-it", image=named, below=",".join(map(str, folders)))
    return changed


def _manifests(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise Permanent("no-such-folder", folder=str(folder))
        yield from sorted(folder.rglob("*.yaml"))

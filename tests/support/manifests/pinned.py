"""Which images may be named where."""

import re
from collections.abc import Iterator

from support.manifests.rendering import Manifests

_DIGEST = re.compile(r"registry\.s4\.example/(s4-|mirror/)[a-z0-9-]+@sha256:[0-9a-f]{64}")
_ZEROS = "@sha256:" + "0" * 64


def images_are_digests(given: Manifests) -> Iterator[str]:
    """What was reviewed and signed is what runs, from our own registry."""
    for where, container in given.containers():
        if not _DIGEST.fullmatch(container["image"]):
            yield f"{where}: {container['image']} is no digest in our registry"


def images_are_not_whatever_is_newest(given: Manifests) -> Iterator[str]:
    for where, container in given.containers():
        name, _, tag = container["image"].partition("@")[0].rpartition("/")[2].partition(":")
        if tag == "latest" or (not tag and "@" not in container["image"]):
            yield f"{where}: {name} is whatever is newest"


def not_deployed_yet(given: Manifests) -> list[str]:
    """Images whose digest is the placeholder: nothing was deployed to this environment by this revision."""
    return sorted({each["image"] for _, each in given.containers() if each["image"].endswith(_ZEROS)})

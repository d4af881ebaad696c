"""Which images of a registry are still wanted, and which may go."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place, digest_of
from s4_runtime import Permanent


@dataclass(frozen=True)
class Verdict:
    """What becomes of one manifest."""

    image: ImageName
    tags: tuple[str, ...]
    is_kept: bool


def judged(registry: Registry, place: Place, used: Sequence[ImageName]) -> list[Verdict]:
    """Every image with a tag below this place: kept where it, or the index it is part of, is used or signed for that.

    An image without any tag is not seen here: garbage collection takes it unless a used image needs it.
    """
    found: list[Verdict] = []
    for repository in _repositories(registry, place):
        tagged = _tagged(registry, repository)
        wanted = {image.digest for image in used if image.repository == repository}
        wanted |= {part for digest in wanted for part in _parts(registry, repository, digest)}
        signatures = {f"{digest.replace(':', '-')}.sig" for digest in wanted}
        for digest, tags in sorted(tagged.items()):
            is_kept = digest in wanted or bool(signatures & tags)
            found.append(Verdict(ImageName(place.host, repository, digest), tuple(sorted(tags)), is_kept))
    return found


def require_complete(registry: Registry, used: Sequence[ImageName]) -> None:
    """Raise Permanent when a used image is not in the registry: then what is used was not understood."""
    for image in used:
        if registry.digest(image.repository, image.digest) is None:
            raise Permanent("used-image-missing", image=str(image))


def _repositories(registry: Registry, place: Place) -> list[str]:
    head = f"{place.path}/s4-" if place.path else "s4-"
    return [name for name in registry.repositories() if name.startswith(head)]


def _tagged(registry: Registry, repository: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tag in registry.tags(repository):
        if digest := registry.digest(repository, tag):
            found.setdefault(digest, set()).add(tag)
    return found


def _parts(registry: Registry, repository: str, digest: str) -> Iterator[str]:
    """The images of an index."""
    for part in json.loads(registry.manifest(repository, digest) or b"{}").get("manifests", []):
        yield digest_of(part["digest"])

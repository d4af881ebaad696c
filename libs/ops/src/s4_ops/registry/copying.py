"""Images of others in our registry: the same bytes under the same digests."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from s4_ops.registry.client import OCI_INDEX, OCI_MANIFEST, Registry, digest_of_bytes
from s4_ops.registry.names import Place, digest_of
from s4_runtime import Permanent

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# Where the registry of a name is, if it is not there (Docker documentation, "Docker Hub").
_ELSEWHERE = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True)
class Published:
    """An image as its makers name it. Of a tag and a digest the digest counts."""

    place: Place
    tag: str
    digest: str

    @classmethod
    def read(cls, text: str) -> Self:
        """HOST/REPOSITORY:TAG, or with @DIGEST after it. Raises Permanent."""
        name, _, digest = text.partition("@")
        repository, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:
            repository, tag = name, ""
        place = Place.read(repository)
        if not place.path or not (tag or digest) or (tag and not _TAG.fullmatch(tag)):
            raise Permanent("not-an-image", given=text[:160], wanted="HOST/REPOSITORY:TAG")
        return cls(place, tag, digest_of(digest) if digest else "")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.place.path.rpartition("/")[2]

    @property
    def reference(self) -> str:
        """By what it is asked for."""
        return self.digest or self.tag

    @property
    def registry(self) -> Registry:
        """Where it is."""
        return Registry(_ELSEWHERE.get(self.place.host, self.place.host))

    def resolved(self, platform: str | None = None) -> str:
        """The digest of what it names now, or of its part for a platform such as linux/amd64. Raises Permanent."""
        registry = self.registry
        content = _manifest(registry, self.place.path, self.reference)
        if platform is None or "manifests" not in (told := json.loads(content)):
            return digest_of_bytes(content)
        for part in told["manifests"]:
            said = part.get("platform", {})
            names = [said.get("os", ""), said.get("architecture", ""), said.get("variant", "")]
            if platform in {"/".join(names[:2]), "/".join(names)}:
                return digest_of(part["digest"])
        raise Permanent("not-for-this-platform", image=str(self.place), platform=platform)


def copied(image: Published, digest: str, target: Registry, repository: str) -> None:
    """All that the digest names is in the repository. Done twice it does nothing more."""
    source, path = image.registry, image.place.path
    content = _manifest(source, path, digest)
    told = json.loads(content)
    for part in told.get("manifests", ()):
        copied(image, digest_of(part["digest"]), target, repository)
    for part in _blobs(told):
        if not target.has_blob(repository, part):
            target.put_blob(repository, source.blob(path, part))
    kind = told.get("mediaType") or (OCI_INDEX if "manifests" in told else OCI_MANIFEST)
    target.put_content(repository, digest, content, kind)


def _blobs(told: dict[str, Any]) -> Iterator[str]:
    for part in (*filter(None, [told.get("config")]), *told.get("layers", ())):
        yield digest_of(part["digest"])


def _manifest(registry: Registry, path: str, reference: str) -> bytes:
    content = registry.manifest(path, reference)
    if content is None:
        raise Permanent("no-such-image", image=f"{registry.host}/{path}", reference=reference)
    if json.loads(content).get("schemaVersion") != 2:
        raise Permanent("manifest-of-another-version", image=f"{registry.host}/{path}", reference=reference)
    return content

"""How images are named."""

import re
from dataclasses import dataclass
from typing import Self

from s4_runtime import Permanent

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")


def digest_of(text: str) -> str:
    """The text, if it is a digest. Raises Permanent."""
    if not _DIGEST.fullmatch(text):
        raise Permanent("not-a-digest", given=text[:80])
    return text


@dataclass(frozen=True)
class Place:
    """A registry, and the path below which the images of one installation are."""

    host: str
    path: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """HOST[:PORT][/PATH]. Raises Permanent."""
        host, _, path = text.rstrip("/").partition("/")
        if not _HOST.fullmatch(host) or (path and not _PATH.fullmatch(path)):
            raise Permanent("not-a-registry", given=text[:80])
        return cls(host, path)

    def image(self, name: str, digest: str) -> "ImageName":
        """The image of this name here."""
        return ImageName(self.host, f"{self.path}/{name}" if self.path else name, digest)

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host


@dataclass(frozen=True)
class ImageName:
    """One image that cannot become another one: by digest."""

    host: str
    repository: str
    digest: str

    @classmethod
    def read(cls, text: str) -> Self:
        """HOST[:PORT]/REPOSITORY@DIGEST. Raises Permanent: a tag does not do."""
        name, at, digest = text.partition("@")
        host, slash, repository = name.partition("/")
        if not at or not slash or not _HOST.fullmatch(host) or not _PATH.fullmatch(repository):
            raise Permanent("not-an-image-by-digest", given=text[:160])
        return cls(host, repository, digest_of(digest))

    @property
    def without_digest(self) -> str:
        """What a signature is about, besides the digest."""
        return f"{self.host}/{self.repository}"

    @property
    def signature_tag(self) -> str:
        """Where its signatures are, as cosign and containers/image look for them."""
        return self.digest.replace(":", "-") + ".sig"

    def __str__(self) -> str:
        return f"{self.without_digest}@{self.digest}"

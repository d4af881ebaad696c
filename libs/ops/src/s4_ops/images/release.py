"""A release: which images belong together, of which revision, and the signature of that."""

import re
from datetime import datetime
from pathlib import Path

import msgspec

from s4_ops.images.keys import PublicKey, SigningKey
from s4_ops.registry.names import ImageName, Place, digest_of
from s4_runtime import Permanent

_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is deployed together. `images` and their `bills` of materials are digests by the names of services."""

    version: int = 1
    revision: str
    created_at: datetime
    images: dict[str, str]
    bills: dict[str, str] = {}

    @property
    def content(self) -> bytes:
        """What is signed."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"

    def image(self, place: Place, name: str) -> ImageName:
        """The image of a service. Raises Permanent when the release has none."""
        if name not in self.images:
            raise Permanent("not-in-release", image=name, revision=self.revision)
        return place.image(f"s4-{name}", self.images[name])


def signature_path(path: Path) -> Path:
    """Where the signature of a release file is."""
    return path.with_name(f"{path.name}.sig")


def write(release: Release, path: Path, key: SigningKey) -> None:
    """The release and its signature are in files beside each other."""
    _checked(release)
    path.write_bytes(release.content)
    signature_path(path).write_text(key.sign(release.content) + "\n", encoding="ascii")


def read(path: Path, keys: list[PublicKey]) -> Release:
    """The release in the file, if one of the keys signed exactly this file. Raises Permanent."""
    try:
        content = path.read_bytes()
    except OSError:
        raise Permanent("no-such-release", file=str(path)) from None
    try:
        signature = signature_path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Permanent("release-unsigned", file=str(path)) from None
    if not any(key.has_signed(content, signature) for key in keys):
        raise Permanent("release-signed-by-another-key", file=str(path))
    return decode(content)


def decode(content: bytes) -> Release:
    """The release that the JSON says. Raises Permanent."""
    try:
        return _checked(msgspec.json.decode(content, type=Release))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Permanent("not-a-release") from None


def _checked(release: Release) -> Release:
    if release.version != 1:
        raise Permanent("release-of-another-version", version=release.version)
    if not _REVISION.fullmatch(release.revision):
        raise Permanent("not-a-revision", given=release.revision[:80])
    if release.created_at.tzinfo is None or not release.images:
        raise Permanent("not-a-release")
    for name, digest in release.images.items():
        if not _NAME.fullmatch(name):
            raise Permanent("not-an-image-name", given=name[:80])
        digest_of(digest)
    for name, digest in release.bills.items():
        if name not in release.images:
            raise Permanent("bill-without-image", given=name[:80])
        digest_of(digest)
    return release

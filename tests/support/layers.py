"""The files in the layers of an image, read for what must not be in them."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.engines import Podman

# A key in PEM with at least one line of it, what Stripe's secrets and AWS' key ids look like.
_SECRET = (
    rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\\nr\s'\"]+[A-Za-z0-9+/]{40}"
    rb"|[sr]k_live_[0-9A-Za-z]{8,}|whsec_[0-9A-Za-z+/]{16,}|\b(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[0-9A-Z]{16}\b"
)


@dataclass(frozen=True)
class Finding:
    """Something in a file of an image; its first letters only."""

    image: str
    path: str
    begins: bytes


def findings(engine: Podman, image: str, base: list[str], words: list[str]) -> list[Finding]:
    """What looks like a secret, or is one of the words, in the image's own layers and in what describes it."""
    wanted = re.compile(b"|".join([_SECRET, *(re.escape(word.encode()) for word in words)]))
    found = [
        Finding(image, path, hit[:24]) for path, data in _files(engine, image, base) for hit in _hits(wanted, data)
    ]
    return sorted(set(found), key=lambda one: one.path)


def _hits(wanted: re.Pattern[bytes], data: bytes) -> Iterator[bytes]:
    return (hit[0] for hit in wanted.finditer(data))


def _files(engine: Podman, image: str, base: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every file of each layer above the base's, and the image's description."""
    saved = Path(engine.environment["TMPDIR"]) / "saved.tar"
    engine.must("save", "--format", "docker-archive", "--output", str(saved), image)
    below = {name.removeprefix("sha256:") for name in base}
    try:
        with tarfile.open(saved) as whole:
            for part in whole:
                if part.isfile() and part.name.endswith(".json"):
                    yield part.name, _read(whole, part)
                elif part.isfile() and Path(part.name).stem not in below:
                    yield from _of_layer(whole, part)
    finally:
        saved.unlink()


def _of_layer(whole: tarfile.TarFile, part: tarfile.TarInfo) -> Iterator[tuple[str, bytes]]:
    opened = whole.extractfile(part)
    if opened is None or not part.name.endswith(".tar"):
        return
    with tarfile.open(fileobj=opened) as layer:
        yield from ((file.name, _read(layer, file)) for file in layer if file.isfile())


def _read(archive: tarfile.TarFile, part: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(part)
    return opened.read() if opened else b""

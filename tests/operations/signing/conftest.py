"""A registry for all tests of this folder, keys, and a way to type commands."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.registry.names import ImageName, Place
from support.infra import needs_program
from support.registries import real_registry

REVISION = "5" * 40


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with needs_program(), real_registry(tmp_path_factory.mktemp("registry")) as place:
        yield place


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `release.key` and `release.pub`, and another pair of somebody else, made by the command."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "passphrase").write_text("correct horse\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S4_SIGNING_PASSPHRASE_FILE", str(folder / "passphrase"))
        assert main(["images", "keygen", str(folder / "release")]) == 0
        assert main(["images", "keygen", str(folder / "other")]) == 0
    return folder


@pytest.fixture(autouse=True)
def passphrase(key_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S4_SIGNING_PASSPHRASE_FILE", str(key_files / "passphrase"))


Released = Callable[..., Path]


@pytest.fixture
def released(registry: Place, key_files: Path, tmp_path: Path) -> Released:
    """Writes a release of these images, signed by the key of this name."""

    def write(key: str = "release", **images: ImageName) -> Path:
        digests, out = tmp_path / "digests.json", tmp_path / f"{'-'.join(images)}.json"
        digests.write_text(json.dumps({name: image.digest for name, image in images.items()}))
        words = ["--registry", str(registry), "--digests", str(digests), "--revision", REVISION, "--out", str(out)]
        assert main(["images", "release", *words, "--key", str(key_files / f"{key}.key")]) == 0
        return out

    return write

"""The whole way of a new version, by the words of the manual: built, pushed, signed, released, verified, deployed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.images import signing
from s4_ops.images.keys import SigningKey
from s4_ops.registry.client import Registry
from s4_runtime import Secret
from support.installation import Installation
from support.registries import Engine
from support.tiny_images import BASE, SERVICES, make_base, write_sources

from .test_commands import confirmed, deploy

pytestmark = pytest.mark.long
Told = pytest.CaptureFixture[str]


@pytest.fixture
def workshop(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Where images are built, with the key that signs them."""
    engine = Engine(tmp_path / "workshop", installation.place)
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "base").mkdir()
    make_base(engine, tmp_path / "base")
    (tmp_path / "passphrase").write_text("correct horse\n")
    monkeypatch.setenv("S4_SIGNING_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    installation.key.write(tmp_path / "release.key", Secret("correct horse"))
    yield engine
    engine.podman("rmi", "--all", "--force")


@pytest.fixture
def release_of(installation: Installation, workshop: Engine, tmp_path: Path) -> Callable[..., Path]:
    """The release of new sources: the two commands that make one."""
    del workshop

    def release(words: str, *, key: str = "release") -> Path:
        write_sources(installation.repository.folder, words)
        installation.repository.commit(words)
        sources = ["--source", str(installation.repository.folder), "--base", BASE, "--pull", "never"]
        digests, bills, out = (tmp_path / f"{words}{end}" for end in ("-digests.json", "-bills", ".json"))
        pushed = ["--push", str(installation.place), "--plain-http", "--release", str(digests), "--sbom", str(bills)]
        assert main(["images", "build", *SERVICES, *sources, *pushed]) == 0
        named = ["--registry", str(installation.place), "--digests", str(digests), "--out", str(out)]
        assert main(["images", "release", *named, "--key", str(tmp_path / f"{key}.key")]) == 0
        return out

    return release


def verify(installation: Installation, release: Path, *more: str) -> int:
    public = installation.folder / "release.pub"
    public.write_text(installation.key.public.pem)
    named = ["--release", str(release), "--registry", str(installation.place), "--public-key", str(public)]
    return main(["images", "verify", *named, *more])


def test_sources_are_built_pushed_signed_released_verified_and_served(
    installation: Installation, release_of: Callable[..., Path], tmp_path: Path, capsys: Told
) -> None:
    one = release_of("one")
    assert verify(installation, one, "--sbom", str(tmp_path / "one-bills")) == 0
    assert "2 bills of materials are as" in capsys.readouterr().out
    assert confirmed(installation, one, capsys) == 0
    served = installation.running()
    assert {name: image.partition("@")[2] for name, image in served.items()} == json.loads(one.read_text())["images"]

    two = release_of("two")
    assert json.loads(two.read_text())["images"] != json.loads(one.read_text())["images"]
    assert confirmed(installation, two, capsys) == 0
    assert installation.running() != served


def test_what_was_pushed_and_not_signed_by_us_is_not_served(
    installation: Installation, release_of: Callable[..., Path], tmp_path: Path, capsys: Told
) -> None:
    SigningKey.new().write(tmp_path / "other.key", Secret("correct horse"))
    theirs = release_of("theirs", key="other")
    assert verify(installation, theirs) == 1
    assert deploy(installation, theirs) == 1
    assert capsys.readouterr().err.count("release-signed-by-another-key") == 2

    digests = tmp_path / "theirs-digests.json"
    assert deploy(installation, digests) == 1
    assert "release-unsigned" in capsys.readouterr().err
    assert installation.running() == {}


def test_a_bill_of_materials_that_is_not_the_releases_is_refused(
    installation: Installation, release_of: Callable[..., Path], tmp_path: Path, capsys: Told
) -> None:
    one, bills = release_of("bills"), tmp_path / "bills-bills"
    changed = bills / "s4-web.cdx.json"
    changed.write_text(changed.read_text().replace("3.13.2", "3.13.3"))
    assert verify(installation, one, "--sbom", str(bills)) == 1
    assert "bill-of-something-else" in capsys.readouterr().err
    changed.unlink()
    assert verify(installation, one, "--sbom", str(bills)) == 1
    assert "bill-missing" in capsys.readouterr().err


def test_pushing_the_same_sources_again_gives_the_same_digests_and_one_signature(
    installation: Installation, release_of: Callable[..., Path]
) -> None:
    first, again = release_of("same"), release_of("same")
    images = json.loads(first.read_text())["images"]
    assert json.loads(again.read_text())["images"] == images
    web = installation.place.image("s4-web", images["web"])
    assert signing.is_signed(Registry(installation.place.host), web, [installation.key.public])

"""What a host's real container engine takes and refuses, under the policy that we write for it.

Debian's engines are built without sigstore: theirs is the policy that names the images of verified releases.
"""

from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place
from support.registries import Engine, push

from .conftest import Released


@pytest.fixture
def host(tmp_path: Path, registry: Place) -> Engine:
    return Engine(tmp_path / "host", registry)


def trust(host: Engine, place: Place, keys: Path, *more: str) -> int:
    """The command that an operator, or the host's bootstrap, gives."""
    words = ["--registry", str(place), "--public-key", str(keys / "release.pub"), "--out", str(host.settings)]
    return main(["images", "policy", *words, *more])


def built(workshop: Engine, place: Place, name: str, folder: Path) -> ImageName:
    """An image that podman built from nothing and pushed."""
    folder.mkdir()
    (folder / "words").write_text(name)
    (folder / "Containerfile").write_text("FROM scratch\nCOPY words /words\n")
    tag = f"{place}/{name}:latest"
    made = workshop.podman("build", "--quiet", "--tag", tag, str(folder))
    assert made.returncode == 0, made.stderr
    pushed = workshop.podman("push", "--quiet", "--tls-verify=false", tag)
    assert pushed.returncode == 0, pushed.stderr
    digest = Registry(place.host).digest(name, "latest")
    assert digest
    return place.image(name, digest)


def test_a_host_takes_what_we_released_and_nothing_else(
    host: Engine, registry: Place, key_files: Path, tmp_path: Path, released: Released
) -> None:
    workshop = Engine(tmp_path / "workshop", registry)
    ours = built(workshop, registry, "s4-engine", tmp_path / "one")
    unsigned = built(workshop, registry, "s4-other", tmp_path / "other")

    assert trust(host, registry, key_files, "--release", str(released(engine=ours))) == 0

    assert host.takes(str(ours))
    assert not host.takes(str(unsigned))


def test_a_tag_that_is_moved_brings_a_host_no_other_image(
    host: Engine, registry: Place, key_files: Path, released: Released
) -> None:
    ours = push(registry, "s4-moved", "what we signed", "stable")
    assert trust(host, registry, key_files, "--release", str(released(moved=ours))) == 0

    push(registry, "s4-moved", "what somebody else put there", "stable")

    assert not host.takes(f"{registry}/s4-moved:stable")
    assert host.takes(str(ours))


def test_a_host_is_told_nothing_of_a_release_that_another_key_signed(
    host: Engine, registry: Place, key_files: Path, released: Released, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = released("other", theirs=push(registry, "s4-theirs", "by somebody else"))
    before = (host.settings / "policy.json").read_text()

    assert trust(host, registry, key_files, "--release", str(theirs)) == 1

    assert "release-signed-by-another-key" in capsys.readouterr().err
    assert (host.settings / "policy.json").read_text() == before


def test_an_engine_that_cannot_check_signatures_takes_nothing_under_the_policy_of_those_that_can(
    host: Engine, registry: Place, key_files: Path, released: Released
) -> None:
    released(sealed=(image := push(registry, "s4-sealed", "signed")))
    assert trust(host, registry, key_files) == 0

    pulled = host.podman("pull", "--quiet", str(image))

    assert pulled.returncode == 0 or "sigstore disabled" in pulled.stderr
    assert host.podman("pull", "--quiet", str(push(registry, "s4-sealed", "unsigned"))).returncode != 0

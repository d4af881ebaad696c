"""Images of others: copied byte for byte into our registry, signed, and named by digest in manifests."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.images import signing
from s4_ops.images.keys import PublicKey
from s4_ops.registry.client import OCI_INDEX, Registry, digest_of_bytes
from s4_ops.registry.copying import Published
from s4_ops.registry.names import ImageName, Place
from s4_runtime import Permanent
from support.manifests.rendering import K8S, KUBECTL
from support.registries import push

ZEROS = "sha256:" + "0" * 64
OURS = "our/own"


@pytest.fixture
def overlays(tmp_path: Path) -> Path:
    """A copy of the manifests that may be written to."""
    shutil.copytree(K8S, tmp_path / "k8s")
    return tmp_path / "k8s"


@pytest.fixture
def published(registry: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image of others for two platforms, under a tag."""
    monkeypatch.setenv("S4_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    parts = [push(registry, "theirs/rabbitmq", words) for words in ("for amd64", "for arm64")]
    listed = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": part.digest,
            "size": len(Registry(registry.host).manifest(part.repository, part.digest) or b""),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for part, architecture in zip(parts, ("amd64", "arm64"), strict=True)
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    # Spaces, as others write their manifests: what is copied must not be written anew.
    content = json.dumps(index, indent=3).encode()
    Registry(registry.host).put_content("theirs/rabbitmq", "4.1", content, OCI_INDEX)
    return f"{registry.host}/theirs/rabbitmq:4.1"


def ours(registry: Place) -> str:
    return f"{registry.host}/{OURS}"


def test_a_copy_has_every_byte_of_every_platform_and_is_signed(
    registry: Place, published: str, key_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["images", "mirror", published, "--registry", ours(registry), "--key", str(key_files / "release.key")]
    assert main(words) == 0
    copy = ImageName.read(capsys.readouterr().out.strip())
    wire = Registry(registry.host)
    theirs = wire.manifest("theirs/rabbitmq", "4.1")
    assert theirs is not None
    assert copy == ImageName(registry.host, f"{OURS}/mirror/rabbitmq", digest_of_bytes(theirs))
    assert wire.manifest(copy.repository, "4.1") == theirs
    for part in json.loads(theirs)["manifests"]:
        inner = json.loads(wire.manifest(copy.repository, part["digest"]) or b"")
        for blob in (inner["config"], *inner["layers"]):
            assert digest_of_bytes(wire.blob(copy.repository, blob["digest"])) == blob["digest"]
    signing.verify(wire, copy, [PublicKey.read(key_files / "release.pub")])


def test_copied_twice_nothing_changes(
    registry: Place, published: str, overlays: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["images", "mirror", published, "--registry", ours(registry), "--manifests", str(overlays)]
    assert main(words) == 0
    first = capsys.readouterr().out
    assert main(words) == 0
    again = capsys.readouterr().out
    assert (first.splitlines()[0], len(again.splitlines())) == (again.strip(), 1)
    assert first.splitlines()[0].endswith("NOT SIGNED")


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_digest_is_written_into_the_overlay_and_is_what_kubectl_renders(
    registry: Place, published: str, overlays: Path, environment: str
) -> None:
    place = overlays / "overlays" / environment
    words = ["images", "mirror", published, "--registry", ours(registry), "--manifests", str(place)]
    assert main(words) == 0
    rendered = subprocess.run([KUBECTL, "kustomize", place / "platform"], capture_output=True, text=True, check=True)
    digest = Published.read(published).resolved()
    assert f"image: {ours(registry)}/mirror/rabbitmq@{digest}" in rendered.stdout
    assert f"mirror/rabbitmq@{ZEROS}" not in rendered.stdout


def test_one_platform_alone_can_be_taken(registry: Place, published: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["images", "mirror", published, "--registry", f"{registry.host}/one", "--platform", "linux/arm64"]
    assert main(words) == 0
    copy = ImageName.read(capsys.readouterr().out.split()[0])
    assert copy == push(Place(registry.host, "one"), "mirror/rabbitmq", "for arm64")
    with pytest.raises(Permanent, match="not-for-this-platform"):
        Published.read(published).resolved("plan9/386")


def test_a_look_copies_nothing(registry: Place, published: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "mirror", published, "--registry", f"{registry.host}/looked", "--dry-run"]) == 0
    assert f"would be {registry.host}/looked/mirror/rabbitmq@sha256:" in capsys.readouterr().out
    assert not any(name.startswith("looked/") for name in Registry(registry.host).repositories())


def test_images_that_cannot_be_in_our_registry_are_pinned_where_they_are(
    registry: Place, published: str, tmp_path: Path
) -> None:
    named = published.rpartition(":")[0]
    file = tmp_path / "kustomization.yaml"
    file.write_text(f"images:\n  - name: registry\n    newName: {named}\n    digest: {ZEROS}\n")
    assert main(["images", "pin", published, "--manifests", str(tmp_path)]) == 0
    digest = Published.read(published).resolved()
    assert file.read_text() == f"images:\n  - name: registry\n    newName: {named}\n    digest: {digest}\n"


def test_an_image_whose_name_only_ends_alike_is_left_alone(registry: Place, published: str, tmp_path: Path) -> None:
    other = f"image: elsewhere.example/mirror/not-rabbitmq@{ZEROS}\n"
    (tmp_path / "pod.yaml").write_text(other)
    words = ["images", "mirror", published, "--registry", ours(registry), "--manifests", str(tmp_path)]
    assert main(words) == 1
    assert (tmp_path / "pod.yaml").read_text() == other


@pytest.mark.parametrize("text", ["rabbitmq", "docker.io/library/rabbitmq", "docker.io/library/rabbitmq:4 1", "x:1"])
def test_a_name_that_could_mean_anything_is_refused(text: str) -> None:
    with pytest.raises(Permanent):
        Published.read(text)


@pytest.mark.parametrize(
    ("text", "repository", "reference"),
    [
        ("docker.io/library/rabbitmq:4.1", "library/rabbitmq", "4.1"),
        ("localhost:5000/some/thing:v1", "some/thing", "v1"),
        (f"quay.io/prometheus/prometheus:v3@{ZEROS}", "prometheus/prometheus", ZEROS),
        (f"quay.io/prometheus/prometheus@{ZEROS}", "prometheus/prometheus", ZEROS),
    ],
)
def test_names_are_read_as_their_makers_write_them(text: str, repository: str, reference: str) -> None:
    found = Published.read(text)
    assert (found.place.path, found.reference) == (repository, reference)


def test_what_is_not_there_is_named(registry: Place) -> None:
    with pytest.raises(Permanent, match="no-such-image"):
        Published.read(f"{registry.host}/theirs/nothing:1").resolved()

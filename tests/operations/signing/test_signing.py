"""Signatures of images in a registry: whose they are, and what they are about."""

import base64
import json
import subprocess
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place
from support.registries import copy, push

Told = pytest.CaptureFixture[str]


def sign(image: ImageName, keys: Path, key: str = "release") -> int:
    return main(["images", "sign", str(image), "--key", str(keys / f"{key}.key")])


def verify(image: object, keys: Path, *more: str) -> int:
    return main(["images", "verify", str(image), "--public-key", str(keys / "release.pub"), *more])


def test_an_image_is_ours_once_we_signed_it(registry: Place, key_files: Path, capsys: Told) -> None:
    image = push(registry, "s4-once", "words")
    assert verify(image, key_files) == 1
    assert "image-unsigned" in capsys.readouterr().err

    assert sign(image, key_files) == 0

    assert verify(image, key_files) == 0


def test_signing_twice_leaves_one_signature(registry: Place, key_files: Path, capsys: Told) -> None:
    image = push(registry, "s4-twice", "words")
    assert [sign(image, key_files), sign(image, key_files)] == [0, 0]

    assert "was signed before" in capsys.readouterr().out
    found = json.loads(Registry(registry.host).manifest("s4-twice", image.signature_tag) or b"")
    assert len(found["layers"]) == 1


def test_the_signature_of_another_key_is_not_ours(registry: Place, key_files: Path, capsys: Told) -> None:
    image = push(registry, "s4-foreign", "words")
    assert sign(image, key_files, "other") == 0

    assert verify(image, key_files) == 1

    assert "image-signed-by-another-key" in capsys.readouterr().err


def test_while_a_key_is_replaced_both_are_good(registry: Place, key_files: Path) -> None:
    image = push(registry, "s4-rotated", "words")
    assert sign(image, key_files, "other") == 0

    assert verify(image, key_files, "--public-key", str(key_files / "other.pub")) == 0
    assert sign(image, key_files) == 0

    assert verify(image, key_files) == 0


def test_a_signature_says_nothing_of_another_digest_or_service(registry: Place, key_files: Path) -> None:
    image = push(registry, "s4-billing", "words")
    assert sign(image, key_files) == 0
    other = push(registry, "s4-billing", "other words")
    lent = json.loads(Registry(registry.host).manifest("s4-billing", image.signature_tag) or b"")
    Registry(registry.host).put_manifest("s4-billing", other.signature_tag, lent)
    posing = push(registry, "s4-web", "words")
    copy(registry, image.signature_tag, "s4-billing", "s4-web")

    assert posing.digest == image.digest
    assert verify(other, key_files) == 1
    assert verify(posing, key_files) == 1


def test_an_image_that_is_not_in_the_registry_is_neither_signed_nor_verified(
    registry: Place, key_files: Path, capsys: Told
) -> None:
    missing = registry.image("s4-web", "sha256:" + "0" * 64)

    assert [sign(missing, key_files), verify(missing, key_files)] == [1, 1]

    assert capsys.readouterr().err.count("no-such-image") == 2


@pytest.mark.parametrize(
    "name", ["host/s4-web:latest", "s4-web", "host/s4-web@sha256:12", "host/../x@sha256:" + "0" * 64]
)
def test_what_is_no_image_by_digest_is_refused(name: str, key_files: Path, capsys: Told) -> None:
    assert verify(name, key_files) == 1

    assert "not-a" in capsys.readouterr().err


def test_the_registry_holds_what_other_programs_of_this_format_read(
    registry: Place, key_files: Path, tmp_path: Path
) -> None:
    image = push(registry, "s4-read", "words")
    assert sign(image, key_files) == 0

    hosted = Registry(registry.host)
    (layer,) = json.loads(hosted.manifest("s4-read", image.digest.replace(":", "-") + ".sig") or b"")["layers"]
    (tmp_path / "payload").write_bytes(hosted.blob("s4-read", layer["digest"]))
    (tmp_path / "signature").write_bytes(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]))
    said = json.loads((tmp_path / "payload").read_bytes())["critical"]

    assert said["image"] == {"docker-manifest-digest": image.digest}
    assert said["identity"] == {"docker-reference": f"{registry}/s4-read"}
    assert openssl(key_files / "release.pub", tmp_path / "signature", tmp_path / "payload")
    assert not openssl(key_files / "other.pub", tmp_path / "signature", tmp_path / "payload")


def openssl(key: Path, signature: Path, content: Path) -> bool:
    """What another implementation says of the signature."""
    words = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(content)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0

"""A release and its signature are files; what is not exactly what we signed is no release."""

import json
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.images import release as releases
from s4_ops.images.keys import PublicKey, SigningKey
from s4_ops.registry.names import Place
from s4_runtime import Permanent, Secret
from support.registries import push

from .conftest import REVISION, Released


@pytest.fixture
def ours(key_files: Path) -> list[PublicKey]:
    return [PublicKey.read(key_files / "release.pub")]


def test_a_release_names_images_that_are_signed(
    registry: Place, released: Released, ours: list[PublicKey], key_files: Path
) -> None:
    web, billing = push(registry, "s4-web", "web"), push(registry, "s4-billing", "billing")

    release = releases.read(released(web=web, billing=billing), ours)

    assert release.images == {"web": web.digest, "billing": billing.digest}
    assert release.revision == REVISION
    assert main(["images", "verify", str(web), str(billing), "--public-key", str(key_files / "release.pub")]) == 0


def test_a_release_that_was_changed_after_it_was_signed_is_refused(
    registry: Place, released: Released, ours: list[PublicKey]
) -> None:
    path = released(web=push(registry, "s4-web", "web"))
    path.write_text(path.read_text().replace("5", "6", 1))

    with pytest.raises(Permanent, match="release-signed-by-another-key"):
        releases.read(path, ours)


def test_a_release_without_its_signature_is_refused(registry: Place, released: Released, ours: list[PublicKey]) -> None:
    path = released(web=push(registry, "s4-web", "web"))
    releases.signature_path(path).unlink()

    with pytest.raises(Permanent, match="release-unsigned"):
        releases.read(path, ours)


def test_a_release_is_signed_as_any_other_file_is(registry: Place, released: Released, ours: list[PublicKey]) -> None:
    path = released(web=push(registry, "s4-web", "web"))

    assert ours[0].has_signed(path.read_bytes(), releases.signature_path(path).read_text().strip())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"version": 2}, "release-of-another-version"),
        ({"revision": "main"}, "not-a-revision"),
        ({"images": {}}, "not-a-release"),
        ({"images": {"web": "latest"}}, "not-a-digest"),
        ({"images": {"../web": "sha256:" + "0" * 64}}, "not-an-image-name"),
        ({"created_at": "2026-11-22T10:00:00"}, "not-a-release"),
        ({"signature": "none"}, "not-a-release"),
        ({"bills": {"web": "none"}}, "not-a-digest"),
        ({"bills": {"billing": "sha256:" + "1" * 64}}, "bill-without-image"),
    ],
)
def test_what_is_no_release_is_refused_even_when_it_is_signed(changed: dict[str, object], code: str) -> None:
    whole = {
        "version": 1,
        "revision": REVISION,
        "created_at": "2026-11-22T10:00:00Z",
        "images": {"web": "sha256:" + "1" * 64},
    }
    releases.decode(json.dumps(whole).encode())

    with pytest.raises(Permanent, match=code):
        releases.decode(json.dumps(whole | changed).encode())


def test_a_key_opens_by_its_passphrase_alone(tmp_path: Path) -> None:
    made = SigningKey.new()
    made.write(tmp_path / "a.key", Secret("correct horse"))

    assert SigningKey.read(tmp_path / "a.key", Secret("correct horse")).public.pem == made.public.pem
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0
    with pytest.raises(Permanent, match="wrong-passphrase"):
        SigningKey.read(tmp_path / "a.key", Secret("battery staple"))


def test_a_key_is_never_written_over_another(tmp_path: Path) -> None:
    SigningKey.new().write(tmp_path / "a.key", Secret("x"))

    with pytest.raises(Permanent, match="key-exists"):
        SigningKey.new().write(tmp_path / "a.key", Secret("x"))


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "{}"])
def test_what_is_no_sealed_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.key").write_text(text)

    with pytest.raises(Permanent, match="not-a-signing-key"):
        SigningKey.read(tmp_path / "a.key", Secret("x"))

"""Images that nobody needs any more go from a real registry; what is used never does."""

import pytest

from s4_cli.__main__ import main
from s4_ops.images import release as releases
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place
from support.installation import Installation
from support.registries import push

pytestmark = pytest.mark.long
Told = pytest.CaptureFixture[str]


@pytest.fixture
def own(installation: Installation, place: Place) -> Place:
    """A part of the registry that no other test uses."""
    installation.place = Place(place.host, installation.folder.name.replace("_", "-"))
    return installation.place


def is_there(image: ImageName) -> bool:
    return Registry(image.host).digest(image.repository, image.digest) is not None


def image_of(installation: Installation, words: str) -> ImageName:
    """The image of web in a release, under a tag as the build gives it."""
    path = installation.released(words)
    image = releases.decode(path.read_bytes()).image(installation.place, "web")
    push(installation.place, "s4-web", f"web {words}", words)
    return image


def retain(own: Place, *more: str) -> int:
    return main(["images", "retain", str(own), "--environment", "s4-staging", "--environment", "s4", *more])


def test_what_runs_and_the_last_releases_are_kept_with_their_signatures(
    installation: Installation, own: Place, capsys: Told
) -> None:
    images = {words: image_of(installation, words) for words in ("one", "two", "three", "never")}
    for words in ("one", "two", "three"):
        record = installation.record(installation.folder / f"{words}.json")
        installation.deploying().bring(record)

    assert retain(own, "--keep", "2", "--dry-run") == 0
    assert all(is_there(image) for image in images.values())
    assert retain(own, "--keep", "2") == 0

    assert [words for words, image in images.items() if is_there(image)] == ["two", "three"]
    registry = Registry(own.host)
    signed = {words: registry.digest(image.repository, image.signature_tag) for words, image in images.items()}
    assert [words for words, tag in signed.items() if tag] == ["two", "three"]


def test_a_release_file_keeps_what_is_not_deployed_yet(installation: Installation, own: Place) -> None:
    one, two = image_of(installation, "one"), image_of(installation, "two")
    installation.deploying().bring(installation.record(installation.folder / "one.json"))
    (installation.folder / "release.pub").write_text(installation.key.public.pem)
    more = ["--release", str(installation.folder / "two.json")]

    assert retain(own, *more, "--public-key", str(installation.folder / "release.pub")) == 0

    assert is_there(one)
    assert is_there(two)


def test_nothing_is_deleted_where_what_is_used_is_not_understood(
    installation: Installation, own: Place, capsys: Told
) -> None:
    image = image_of(installation, "one")
    assert retain(own) == 1
    assert "nothing-is-used" in capsys.readouterr().err
    assert main(["images", "retain", str(own), "--environment", "s4-elsewhere"]) == 1
    assert "no-such-environment" in capsys.readouterr().err

    installation.deploying().bring(installation.record(installation.folder / "one.json"))
    Registry(own.host).delete(image.repository, image.digest)
    assert retain(own) == 1
    assert "used-image-missing" in capsys.readouterr().err

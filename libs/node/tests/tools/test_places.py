"""A place as a person names it: a bucket, a node's directory, a grid's, or where a disk has shares."""

from pathlib import Path

import pytest

from commands import free_port, run
from s4_node.settings import SECTION, StorageSettings
from s4_node.tools.places import BadPlace, located


def node(directory: Path, lines: str = "") -> Path:
    directory.mkdir(parents=True)
    (directory / "tahoe.cfg").write_text(f"[node]\nnickname = 100% mine\n[storage]\nenabled = true\n{lines}")
    return directory


def test_a_node_without_our_section_is_the_directory_where_it_has_its_shares(tmp_path: Path) -> None:
    assert located(str(node(tmp_path / "usual"))) == tmp_path / "usual" / "storage"
    assert located(str(node(tmp_path / "own", "storage_dir = elsewhere\n"))) == tmp_path / "own" / "elsewhere"
    assert located(str(node(tmp_path / "disk", "storage_dir = /srv/shares\n"))) == Path("/srv/shares")


def test_a_grid_is_its_storage_server(tmp_path: Path) -> None:
    node(tmp_path / "grid" / "storage", f"[{SECTION}]\nbucket = mine\nprefix = a\n")

    found = located(str(tmp_path / "grid"))

    assert isinstance(found, StorageSettings)
    assert (found.store.bucket, found.store.prefix) == ("mine", "a/")


@pytest.mark.parametrize("lines", ["prefix = 100%\n", "[broken\n", "quota_bytes = all\n"])
def test_a_configuration_that_cannot_be_read_is_named(lines: str, tmp_path: Path) -> None:
    home = node(tmp_path / "node", f"[{SECTION}]\nbucket = mine\n{lines}")
    with pytest.raises(BadPlace, match=str(home / "tahoe.cfg")):
        located(str(home))


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere", "there is no such directory"), ("empty", "no tahoe.cfg in it"), ("disk", f"no section [{SECTION}]")],
)
def test_a_check_of_what_is_no_bucket_says_what_is_missing(place: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    node(tmp_path / "disk")
    answer = run("s4-node", "check", str(tmp_path / place))
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.long
def test_who_mistypes_an_address_hears_of_it_within_seconds(tmp_path: Path) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine"}
    place = f"s3://mine?endpoint=http://127.0.0.1:{free_port()}"

    answer = run("s4-node", "copy", place, str(tmp_path / "new"), environ=environ)

    assert answer.code == 1
    assert "is `endpoint` right, and reachable from here?" in answer.err
    assert answer.err.count("\n") == 1

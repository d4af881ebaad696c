"""The small parts of the host command: files that are written together, what codes mean, whose files are whose."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from s4_node.host.buckets import bucket_of, usage_of
from s4_node.host.files import create, differing, read, replace, require_room
from s4_node.host.homes import Homes, hand_over
from s4_node.host.looking import Said
from s4_node.host.owner import Owner
from s4_node.host.trouble import code_of

ME = Owner(os.geteuid(), os.getegid())
GRID_ID = "0190d3a0-0000-7000-8000-000000000001"


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As on a disk that is nearly full, writing ends in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_files_are_replaced_all_or_not_at_all(tmp_path: Path) -> None:
    home = tmp_path / "home"
    create(home, {"a": "old", "b/c": "old"}, ME)
    wanted = {"a": "new", "b/c": "new" * 5000, "d": "new"}

    with pytest.raises(OSError, match="too large"), no_file_longer_than(4096):
        replace(home, wanted, ME)
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*")) == ["a", "b", "b/c"]
    assert differing(home, {"a": "old", "b/c": "old"}, ME) == {}

    replace(home, wanted, ME)
    assert differing(home, wanted, ME) == {}


def test_a_directory_that_could_not_be_filled_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large"), no_file_longer_than(4096):
        create(tmp_path / "home", {"a": "short", "b": "long" * 5000}, ME)
    assert not (tmp_path / "home").exists()


def test_a_full_disk_has_a_code_and_other_errors_have_their_class() -> None:
    assert code_of(OSError(errno.ENOSPC, "secret")) == "disk-full"
    assert code_of(OSError(errno.EDQUOT, "secret")) == "disk-full"
    assert code_of(subprocess.CalledProcessError(1, ["/usr/sbin/useradd", "x"])) == "useradd-failed"
    assert code_of(subprocess.TimeoutExpired(["/usr/bin/systemctl", "x"], 60)) == "systemctl-silent"
    assert code_of(PermissionError(errno.EACCES, "secret")) == "PermissionError"


def test_there_is_room_on_a_disk_that_has_some_and_none_where_there_is_none(tmp_path: Path) -> None:
    require_room(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        require_room(Path("/proc"))  # has no blocks at all


def test_what_is_no_file_of_the_hosts_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("link", "bytes", "missing"):
        assert read(tmp_path / name) is None
    assert read(tmp_path / "pipe") == "", "and nobody waits for who would write into it"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ExpiredToken", "credentials-expired"),
        ("InvalidAccessKeyId", "credentials-refused"),
        ("NoCredentials", "credentials-missing"),
        ("AccessDenied", "access-denied"),
        ("NoSuchBucket", "bucket-missing"),
        ("RequestTimeTooSkewed", "clock-skewed"),
        ("PermanentRedirect", "wrong-region"),
        ("NotConnected", "unreachable"),
        ("SlowDown", "unavailable"),
        ("QuotaXExceeded", "quota-xexceeded"),
        ("<script>", "unknown"),
        (5, "5"),
    ],
)
def test_each_code_of_a_bucket_is_a_short_word(said: object, code: str) -> None:
    assert bucket_of({"bucket": {"reachable": False, "code": said}}) == {"ok": False, "code": code}


def test_what_a_node_says_is_believed_in_its_own_form_only() -> None:
    assert bucket_of({"bucket": {"reachable": True, "code": ""}}) == {"ok": True, "code": None}
    junk: list[object] = [None, [], {}, {"reachable": None}, {"reachable": 1}]
    for bucket in junk:
        assert bucket_of({"bucket": bucket}) is None
    assert usage_of({"usage": {"bytes": 5, "objects": 1, "more": 2}}) == {"bytes": 5, "objects": 1}
    for usage in (None, {"bytes": 5}, {"bytes": "5", "objects": True}):
        assert usage_of({"usage": usage}) is None
    for grids in (None, "grids", {GRID_ID: 5}):
        said = Said({"version": "1.0\nx", "grids": grids})
        assert (said.version, said.of(GRID_ID)) == (None, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away; the machines with systemd do it in any case")
def test_a_handed_over_directory_is_the_new_owners_and_links_lead_nowhere(tmp_path: Path) -> None:
    old, new, victim = Owner(40001, 40001), Owner(40002, 40002), tmp_path / "victim"
    victim.write_text("root's")
    home = tmp_path / "home"
    create(home, {"a": "text", "b/c": "text"}, ME)
    for path in [home, *home.rglob("*")]:
        os.chown(path, old.uid, old.gid)
    (home / "link").symlink_to(victim)
    (home / "hard").hardlink_to(victim)

    hand_over(home, new)
    hand_over(home, new)

    owners = {path.name: path.lstat().st_uid for path in [home, *home.rglob("*")]}
    assert owners == dict.fromkeys(("home", "a", "b", "c"), 40002) | {"hard": 0, "link": 0}
    assert victim.stat().st_uid == 0


def test_the_homes_of_a_host_are_found_wherever_they_are(tmp_path: Path) -> None:
    homes = Homes(tmp_path)
    assert (homes.all(), homes.find(GRID_ID)) == ({}, None)
    for place in (homes.at(GRID_ID, None), homes.at(GRID_ID, "one"), homes.at_rest(GRID_ID, "one")):
        place.path.mkdir(parents=True)
        assert homes.find(GRID_ID) == place
        assert homes.all() == {GRID_ID: place}
        place.path.rmdir()
    for stranger in ("not-a-grid", f".new-{GRID_ID}", f".{GRID_ID}", ".shards/UPPER/grids"):
        (tmp_path / stranger).mkdir(parents=True)
    assert homes.all() == {}

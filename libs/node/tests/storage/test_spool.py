"""The spool: bounded, swept, and never full in silence."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from s4_node.storage.spool import Spool, SpoolBroken, SpoolFull
from support.uploading import fill_the_disk


def a_spool(tmp_path: Path, max_bytes: int = 1000) -> Spool:
    return Spool(tmp_path / "spool", max_bytes)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """This process may write no longer files for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_written_is_read_and_the_rest_is_zeros(tmp_path: Path) -> None:
    file = a_spool(tmp_path).reserve(20)
    file.write(15, b"later")
    file.write(2, memoryview(b"first"))
    assert file.read(0, 100) == b"\0\0first" + bytes(8) + b"later"
    assert file.path.stat().st_size == 20


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    assert spool.folder.stat().st_mode & 0o777 == 0o700
    assert spool.reserve(1).path.stat().st_mode & 0o777 == 0o600


def test_room_is_counted_when_it_is_reserved_and_free_when_released(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, 1000)
    first = spool.reserve(600)
    with pytest.raises(SpoolFull, match="CAP"):
        spool.reserve(401)
    second = spool.reserve(400)
    assert spool.reserved == 1000
    first.release()
    assert spool.reserved == 400
    assert spool.reserve(600).size == 600
    assert second.path.exists()


def test_a_thousand_tiny_uploads_leave_the_process_its_other_files(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, 10**6)
    files = [spool.reserve(1) for _ in range(1000)]
    with pytest.raises(SpoolFull, match="FILES"):
        spool.reserve(1)
    files[0].release()
    files[0] = spool.reserve(1)
    for file in files:
        file.release()
    assert (spool.reserved, spool.files) == (0, 0)


def test_releasing_twice_frees_once(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    file, other = spool.reserve(100), spool.reserve(100)
    file.release()
    file.release()
    assert spool.reserved == other.size
    assert [*spool.folder.iterdir()] == [other.path]


def test_reserving_takes_no_room_on_the_disk(tmp_path: Path) -> None:
    file = a_spool(tmp_path, 2**30).reserve(2**20)
    assert file.path.stat().st_blocks == 0


def test_more_than_the_disk_has_is_refused_at_once(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, 2**62)
    with pytest.raises(SpoolFull, match="ENOSPC"):
        spool.reserve(2**61)
    assert spool.reserved == 0
    assert [*spool.folder.iterdir()] == []


def test_a_file_that_the_system_refuses_leaves_nothing(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, 2**30)
    with files_of_at_most(1000), pytest.raises(SpoolFull, match="EFBIG"):
        spool.reserve(2000)
    assert spool.reserved == 0
    assert [*spool.folder.iterdir()] == []


def test_a_disk_that_fills_up_is_told_from_one_that_fails(tmp_path: Path) -> None:
    file = a_spool(tmp_path).reserve(100)
    fill_the_disk(file)
    with pytest.raises(SpoolFull, match="ENOSPC"):
        file.write(0, b"data")
    broken = a_spool(tmp_path).reserve(100)
    os.close(broken._descriptor)
    with pytest.raises(SpoolBroken, match=errno.errorcode[errno.EBADF]):
        broken.write(0, b"data")
    with pytest.raises(SpoolBroken):
        broken.read(0, 1)


def test_a_folder_that_vanished_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    spool.folder.rmdir()
    with pytest.raises(SpoolBroken, match="ENOENT"):
        spool.reserve(1)


def test_the_start_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    program = """
import os, pathlib, sys
from s4_node.storage.spool import Spool
file = Spool(pathlib.Path(sys.argv[1]), 1000).reserve(10)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "spool")], check=False)
    assert len([*(tmp_path / "spool").iterdir()]) == 1
    spool = a_spool(tmp_path)
    assert spool.swept == 1
    assert [*spool.folder.iterdir()] == []


def test_the_sweep_spares_what_is_not_its_own(tmp_path: Path) -> None:
    living = a_spool(tmp_path).reserve(10)
    folder = living.path.parent
    (folder / "notes.txt").write_text("of the operator")
    (folder / "s4-upload-folder.spool").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (folder / "s4-upload-link.spool").symlink_to(elsewhere)
    (folder / "s4-upload-dead.spool").write_text("left over")
    assert a_spool(tmp_path).swept == 1
    assert not (folder / "s4-upload-dead.spool").exists()
    assert living.path.exists()
    assert elsewhere.read_text() == "precious"
    assert (folder / "notes.txt").exists()
    assert (folder / "s4-upload-folder.spool").is_dir()

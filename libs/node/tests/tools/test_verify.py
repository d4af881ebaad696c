"""`s4-node verify` and `s4-node usage`: what is in a place, and what of it cannot be a share."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.storage import layout
from s4_node.tools.shape import problems
from support import disk_shares
from support.disk_shares import content, index

COMMAND = str(Path(sys.executable).parent / "s4-node")
CONTAINER = 12  # bytes of an immutable container's header


def ask(command: str, place: str | Path, *, expect: int = 0) -> Any:
    words = [COMMAND, command, "--json", "--quiet", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def written_as(store: Store) -> str:
    return f"s3://{store.bucket}?endpoint={quote(store.endpoint)}&credentials={quote(store.credentials)}"


def immutable_data(version: int, body: int = 500, extension: int = 60) -> bytes:
    """As a client lays it out: header, data, two hash trees, URI extension (allmydata/immutable/layout.py)."""
    width = 4 * version
    header = struct.calcsize(">L") + 8 * width
    offsets = [header, header + body, header + body, header + body + 32, header + body + 64, header + body + 98]
    fields = struct.pack(">L" + "LQ"[version - 1] * 8, version, 100, body, *offsets)
    return fields + content(body + 98) + extension.to_bytes(width, "big") + content(extension)


def sdmf_data(body: int = 300) -> bytes:
    """One version of a small mutable file, as far as its offsets go (allmydata/mutable/layout.py)."""
    start = struct.calcsize(">BQ32s16sBBQQLLLLQQ")
    offsets = [start + 10, start + 20, start + 30, start + 40, start + 40 + body, start + 90 + body]
    prefix = struct.pack(">BQ32s16sBBQQ", 0, 1, b"r" * 32, b"i" * 16, 1, 1, body, body)
    return prefix + struct.pack(">LLLLQQ", *offsets) + content(90 + body)


def mdmf_data(body: int = 300) -> bytes:
    start = struct.calcsize(">BQ32sBBQQQQQQQQQQ")
    offsets = [start + at for at in (0, 10, 20, 30, 40, 50, 50 + body, 60 + body)]
    return struct.pack(">BQ32sBBQQQQQQQQQQ", 1, 1, b"r" * 32, 1, 1, body, body, *offsets) + content(60 + body)


WHOLE = {
    "immutable, first layout": (disk_shares.immutable, immutable_data(1)),
    "immutable, second layout": (disk_shares.immutable, immutable_data(2)),
    "immutable, tiny": (disk_shares.immutable, immutable_data(1, 0, 0)),
    "SDMF": (disk_shares.mutable, sdmf_data()),
    "MDMF": (disk_shares.mutable, mdmf_data()),
    "mutable, never written": (disk_shares.mutable, b""),
}


def wrong_with(path: Path) -> list[str]:
    body = path.read_bytes()
    return problems(path.name, len(body), lambda start, end: body[start:end])


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_share_has_nothing_wrong_with_it(name: str, tmp_path: Path) -> None:
    make, data = WHOLE[name]
    assert wrong_with(make(tmp_path, index(1), 0, data)) == []


@pytest.mark.parametrize("name", [name for name in WHOLE if "never" not in name])
@pytest.mark.parametrize("kept", [0, 5, 11, 40, 200, 500, -80, -73, -1])
def test_a_share_that_was_cut_is_found_wherever_it_was_cut(name: str, kept: int, tmp_path: Path) -> None:
    make, data = WHOLE[name]
    path = make(tmp_path, index(1), 0, data)
    body = path.read_bytes()
    path.write_bytes(body[: min(kept, len(body) - 1)])
    assert wrong_with(path)


@pytest.mark.parametrize("name", [name for name in WHOLE if "never" not in name])
def test_other_bytes_in_place_of_the_header_are_found(name: str, tmp_path: Path) -> None:
    make, data = WHOLE[name]
    path = make(tmp_path, index(1), 0, data)
    body = path.read_bytes()
    path.write_bytes(b"\xff" * 16 + body[16:])
    assert wrong_with(path)


def test_offsets_that_point_backwards_are_found(tmp_path: Path) -> None:
    data = bytearray(immutable_data(1))
    data[12:16], data[20:24] = data[20:24], data[12:16]
    assert wrong_with(disk_shares.immutable(tmp_path, index(1), 0, bytes(data))) == [
        "its parts lie behind each other's end, or behind its own"
    ]


def test_damaged_shares_of_a_bucket_are_named_and_nothing_else(store: Store, tmp_path: Path) -> None:
    bucket = Bucket(store)
    for number, (make, data) in enumerate(WHOLE.values()):
        path = make(tmp_path, index(number), 0, data)
        bucket.put(layout.share(index(number), 0), path.read_bytes())
    assert ask("verify", written_as(store)) == {
        "shares": 6,
        "bytes": sum(len(body) for body in disk_shares.files(tmp_path).values()),
        "changed": 0,
        "damaged": {},
    }
    cut, alien = layout.share(index(0), 0), layout.share(index(9), 3)
    bucket.put(cut, bucket.get(cut).body[:-100])
    bucket.put(alien, b"a holiday picture")
    damaged = ask("verify", written_as(store), expect=1)["damaged"]
    assert damaged.keys() == {cut, alien}
    assert damaged[alien] == ["it begins as no share does"]


def test_a_disk_is_verified_like_a_bucket(tmp_path: Path) -> None:
    disk_shares.immutable(tmp_path / "grid", index(1), 0, immutable_data(1))
    broken = disk_shares.immutable(tmp_path / "grid", index(2), 0, immutable_data(2))
    broken.write_bytes(broken.read_bytes()[:-73])
    found = ask("verify", tmp_path / "grid", expect=1)
    assert found["shares"] == 2
    assert found["damaged"].keys() == {layout.share(index(2), 0)}


def test_usage_counts_by_kind_and_by_size(store: Store) -> None:
    bucket = Bucket(store)
    for number, size in enumerate((100, 20_000, 2_000_000)):
        bucket.put(layout.share(index(7), number), content(size))
    bucket.put(layout.share(index(8), 0), content(50))
    bucket.put(layout.leases(index(8)), content(144))
    bucket.put(layout.advisory("2026-01-01T000000Z", index(8), 0), b"corrupt")
    bucket.put("somebody/elses", b"not counted")
    assert ask("usage", written_as(store)) == {
        "total": {"objects": 6, "bytes": 2_020_150 + 144 + 7},
        "kinds": {
            "advisories": {"objects": 1, "bytes": 7},
            "leases": {"objects": 1, "bytes": 144},
            "shares": {"objects": 4, "bytes": 2_020_150},
        },
        "storage_indexes": 2,
        "shares": {"up to 16 KiB": 2, "up to 1 MiB": 1, "up to 128 MiB": 1},
    }


def test_usage_is_said_to_a_person_as_a_table(tmp_path: Path) -> None:
    disk_shares.immutable(tmp_path / "grid", index(1), 0, content(1000))
    done = subprocess.run([COMMAND, "usage", str(tmp_path / "grid")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "shares                  1 objects               1084 bytes",
        "together                1 objects               1084 bytes",
        "1 storage indexes",
        "  shares up to 16 KiB              1",
    ]


@pytest.mark.parametrize("command", ["verify", "usage"])
def test_a_place_without_shares_is_said_in_words(command: str, tmp_path: Path) -> None:
    assert "there are no shares in it" in ask(command, tmp_path / "nothing", expect=2)

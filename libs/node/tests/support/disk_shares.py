"""Shares as Tahoe-LAFS' own disk backend writes them."""

import random
from pathlib import Path

from allmydata.storage.immutable import ShareFile
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.mutable import MutableShareFile
from allmydata.storage.server import si_b2a

from s4_node.storage import layout

NODE_ID = b"\x07" * 20
ENABLER = b"\x0e" * 32


def index(number: int) -> bytes:
    """A storage index of its own for each number."""
    return random.Random(number).randbytes(16)


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def lease(secret: bytes = b"\x01" * 32, expires: int = 2_000_000_000) -> LeaseInfo:
    return LeaseInfo(1, secret, secret[::-1], expires, NODE_ID)


def immutable(storage: Path, storage_index: bytes, number: int, data: bytes, *leases: LeaseInfo) -> Path:
    """A share with these leases, or with one."""
    path = storage / layout.share(storage_index, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    share = ShareFile(str(path), max_size=len(data), create=True)
    share.write_share_data(0, data)
    for each in leases or (lease(),):
        share.add_lease(each)
    return path


def mutable(storage: Path, storage_index: bytes, number: int, data: bytes, *leases: LeaseInfo) -> Path:
    """The same for a mutable share."""
    path = storage / layout.share(storage_index, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    share = MutableShareFile(str(path))
    share.create(NODE_ID, ENABLER)
    share.writev([(0, data)], None)
    for each in leases or (lease(),):
        share.add_lease(2**40, each)
    return path


def advisory(storage: Path, storage_index: bytes, number: int, text: str) -> Path:
    path = storage / layout.advisory("2026-02-03T040506Z", storage_index, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + f"\n{si_b2a(storage_index).decode()}")
    return path


def files(storage: Path) -> dict[str, bytes]:
    """What is in a storage directory, by path."""
    return {str(path.relative_to(storage)): path.read_bytes() for path in storage.rglob("*") if path.is_file()}

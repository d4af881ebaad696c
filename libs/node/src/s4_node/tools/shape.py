"""Whether a share's bytes can be a share: what its own headers say of its length. Pure.

Two layers: the container, in which the storage server keeps data and leases, and the data, which the client has laid
out: version, offsets of its parts, the parts (allmydata/immutable/layout.py and allmydata/mutable/layout.py).
"""

import struct
from collections.abc import Callable, Sequence
from typing import Literal

from allmydata.storage.common import UnknownImmutableContainerVersionError, UnknownMutableContainerVersionError
from allmydata.storage.mutable import MutableShareFile

from s4_node.storage import container, mutable_container

Kind = Literal["immutable", "mutable"]
Read = Callable[[int, int], bytes]  # from, up to
BEGINNING = mutable_container.DATA_AT + 123  # bytes: both layers' headers of any kind of share

_IMMUTABLE = {1: struct.Struct(">LLLLLLLLL"), 2: struct.Struct(">LQQQQQQQQ")}
_MUTABLE = {0: struct.Struct(">BQ32s16sBBQQLLLLQQ"), 1: struct.Struct(">BQ32sBBQQQQQQQQQQ")}
_OFFSETS = {0: 6, 1: 8}


def kind_of(beginning: bytes) -> Kind:
    """Of which kind the container is, by its first bytes."""
    return "mutable" if MutableShareFile.is_valid_header(beginning) else "immutable"


def problems(name: str, size: int, read: Read) -> list[str]:
    """Everything that is wrong with the share of this size, in plain words; nothing when it looks whole."""
    beginning = read(0, BEGINNING)
    if kind_of(beginning) == "mutable":
        return _mutable(name, size, beginning, read)
    return _immutable(name, size, beginning, read)


def _immutable(name: str, size: int, beginning: bytes, read: Read) -> list[str]:
    try:
        share = container.parse(name, beginning, size)
    except UnknownImmutableContainerVersionError:
        return ["it begins as no share does"]
    except container.BadContainer as bad:
        return [bad.problem]
    at, end = container.HEADER_BYTES, share.lease_offset
    version = int.from_bytes(beginning[at : at + 4], "big")
    layout = _IMMUTABLE.get(version)
    if layout is None or share.data_bytes < layout.size:
        return [*share.problems, "its data begins as no immutable share's does"]
    offsets = layout.unpack_from(beginning, at)[3:]
    if list(offsets) != sorted(offsets) or at + offsets[-1] + 4 * version > end:
        return [*share.problems, "its parts lie behind each other's end, or behind its own"]
    tail = at + offsets[-1]
    extension = int.from_bytes(read(tail, tail + 4 * version), "big")
    if tail + 4 * version + extension > end:
        return [*share.problems, "its last part is cut short"]
    return share.problems


def _mutable(name: str, size: int, beginning: bytes, read: Read) -> list[str]:
    try:
        header = mutable_container.parse_header(beginning, size, name)
    except (mutable_container.DamagedContainer, UnknownMutableContainerVersionError) as bad:
        return [str(bad).removeprefix(f"{name}: ")]
    (extra,) = mutable_container.COUNT.unpack(
        read(header.extra_leases_at, header.extra_leases_at + mutable_container.COUNT.size)
    )
    found = []
    if size < header.extra_leases_at + mutable_container.COUNT.size + extra * mutable_container.LEASE_BYTES:
        found.append("its leases are cut short")
    if not header.data_length:
        return found  # a slot that was made, and never written
    data = beginning[mutable_container.DATA_AT :]
    layout = _MUTABLE.get(data[0])
    if layout is None or header.data_length < layout.size:
        return [*found, "its data begins as no mutable share's does"]
    offsets: Sequence[int] = layout.unpack_from(data)[-_OFFSETS[data[0]] :]
    if offsets[-1] > header.data_length:
        found.append(f"its parts end at byte {offsets[-1]}, its data at {header.data_length}")
    if max(offsets) != offsets[-1]:
        found.append("its parts lie behind each other's end")
    return found

"""What clients were told is stored, and whether a grid still has it, byte for byte.

The shares are random bytes behind the headers that a Tahoe-LAFS client writes, so that `s4-node verify` has its say.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from support.speaking import Speaking

IMMUTABLE = struct.Struct(">9L")  # version 1, sizes, where six parts begin (allmydata/immutable/layout.py)
LENGTH = struct.Struct(">L")  # of the last part, the URI extension
EXTENSION_BYTES = 40
SDMF = struct.Struct(">BQ32s16sBBQQ4LQQ")  # (allmydata/mutable/layout.py)
VERSION = struct.Struct(">BQ")  # what it begins with: 0 for SDMF, and the number of the version
READ_BYTES = 2**20  # at once, as no client asks for more
AT_ONCE = 8


class Wrong(AssertionError):
    """The grid has lost something that a client was told is stored, or shows what nobody has stored."""


@dataclass(eq=False)
class Upload:
    """An immutable share that a client has begun to store."""

    index: bytes
    number: int
    size: int
    is_confirmed: bool = False

    @property
    def data(self) -> bytes:
        dice, last = random.Random(f"{self.index.hex()} {self.number}"), self.size - EXTENSION_BYTES - LENGTH.size
        header = IMMUTABLE.pack(1, 100, 100, *[IMMUTABLE.size] * 5, last)
        length = LENGTH.pack(EXTENSION_BYTES)
        return header + dice.randbytes(last - len(header)) + length + dice.randbytes(EXTENSION_BYTES)

    @property
    def secrets(self) -> tuple[bytes, bytes]:
        """To renew and to cancel its lease."""
        return secret(self.index, "renew"), secret(self.index, "cancel")


@dataclass(eq=False)
class Slot:
    """A mutable share. Its versions are counted, and each one's bytes follow from its number."""

    index: bytes
    number: int
    most_bytes: int
    confirmed: int = 0  # 0: there is none
    last: int = 0
    unanswered: set[int] = field(default_factory=set)  # may have been stored since the confirmed one, or be so yet

    def data(self, version: int) -> bytes:
        if version == 0:
            return b""
        dice = random.Random(f"{self.index.hex()} {self.number} {version}")
        size = dice.randrange(self.most_bytes // 2, self.most_bytes)
        header = SDMF.pack(0, version, b"", b"", 1, 1, 100, 100, *[SDMF.size] * 5, size)
        return header + dice.randbytes(size - SDMF.size)

    def begins(self, version: int) -> bytes:
        """What the share of that version begins with, by which a writer knows what it replaces."""
        return VERSION.pack(0, version) if version else b""

    @property
    def secrets(self) -> tuple[bytes, bytes, bytes]:
        """The write enabler, and to renew and cancel its lease."""
        return secret(self.index, "enable"), secret(self.index, "renew"), secret(self.index, "cancel")

    def found(self, data: bytes) -> None:
        """This is what the grid has. Raises Wrong when it cannot be."""
        version = VERSION.unpack_from(data)[1] if len(data) >= VERSION.size else 0
        if version != self.confirmed and version not in self.unanswered:
            raise Wrong(f"version {version} of a slot: {self.confirmed} was confirmed, {self.unanswered} were tried")
        if data != self.data(version):
            raise Wrong(f"version {version} of a slot is not what was written")
        if version != self.confirmed:
            self.confirm(version)

    def confirm(self, version: int) -> None:
        """Everything that was tried before has lost to it."""
        self.confirmed = version
        self.unanswered.clear()


def secret(index: bytes, purpose: str) -> bytes:
    return random.Random(f"{purpose} {index.hex()}").randbytes(32)


async def read_share(share: Any) -> bytes:
    """All of an immutable share that a client found."""
    pieces: list[bytes] = []
    while piece := await share.callRemote("read", sum(map(len, pieces)), READ_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


async def check_upload(speaking: Speaking, upload: Upload) -> None:
    """A confirmed share is there; any share that is there is whole."""
    there = await speaking.server.get_buckets(upload.index)
    if upload.number not in there:
        if upload.is_confirmed:
            raise Wrong(f"a confirmed share of {upload.size} bytes is lost")
        return
    if await read_share(there[upload.number]) != upload.data:
        raise Wrong(f"a share of {upload.size} bytes is wrong, confirmed: {upload.is_confirmed}")


async def check_slot(speaking: Speaking, slot: Slot) -> None:
    """It has its confirmed version, or one that was on its way."""
    there = await speaking.server.slot_readv(slot.index, [], [(0, 2 * slot.most_bytes)])
    slot.found(there[slot.number][0] if slot.number in there else b"")


@dataclass
class Ledger:
    """All that the clients of one grid have stored, or tried to."""

    uploads: list[Upload] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    confirmed_updates: int = 0

    @property
    def confirmed(self) -> Iterator[Upload]:
        return (upload for upload in self.uploads if upload.is_confirmed)

    @property
    def unanswered(self) -> Iterator[Upload]:
        return (upload for upload in self.uploads if not upload.is_confirmed)

    async def check(self, speaking: Speaking, uploads: list[Upload]) -> None:
        """These, and all slots, are as clients were told. Raises Wrong."""
        checks = [check_upload(speaking, upload) for upload in uploads]
        checks += [check_slot(speaking, slot) for slot in self.slots]
        while checks:
            now, checks = checks[:AT_ONCE], checks[AT_ONCE:]
            for is_well, outcome in await DeferredList([*map(Deferred.fromCoroutine, now)], consumeErrors=True):
                if not is_well:
                    outcome.raiseException()

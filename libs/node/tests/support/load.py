"""Clients that store all the time, until the server is gone, and keep a ledger of what they were told."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList

from support.ledger import Ledger, Slot, Upload, check_slot, check_upload
from support.speaking import Speaking

MIB = 2**20
SMALL, LARGE = (200, 300_000), (6 * MIB, 14 * MIB)  # bytes; what is large is stored in parts of 5 MiB
SLOT_BYTES = (600, 600, 20_000, 20_000, 200_000, 7 * MIB)
ANSWERED_WITHIN_SECONDS = 45.0

Work = Callable[[Speaking], Awaitable[None]]


async def store(speaking: Speaking, upload: Upload, *, piece: int = MIB) -> None:
    """The share is stored, by the protocol's own client; whether by this call or by an earlier one."""
    renew, cancel = upload.secrets
    there, writers = await speaking.server.allocate_buckets(
        upload.index, renew, cancel, {upload.number}, upload.size, Speaking.canary()
    )
    if upload.number not in there:
        writer, data = writers[upload.number], upload.data
        for offset in range(0, len(data), piece):
            await writer.callRemote("write", offset, data[offset : offset + piece])
        await writer.callRemote("close")
    upload.is_confirmed = True


async def change(speaking: Speaking, slot: Slot) -> bool:
    """Write the next version over the one that is there; False when there is another than this client knows of."""
    if slot.unanswered:
        await check_slot(speaking, slot)
    slot.last += 1
    version, data = slot.last, slot.data(slot.last)
    slot.unanswered.add(version)
    replaced = slot.begins(slot.confirmed)
    vectors = {slot.number: ([(0, max(len(replaced), 1), replaced)], [(0, data)], len(data))}
    done, _ = await speaking.server.slot_testv_and_readv_and_writev(slot.index, slot.secrets, vectors, [])
    if done:
        slot.confirm(version)
    return bool(done)


@dataclass
class Load:
    """Several clients over both protocols, each doing one thing after the other. `dice` decides what."""

    ledger: Ledger
    dice: random.Random
    is_on: bool = False
    troubles: list[str] = field(default_factory=list)  # a living server's refusals: there must be none
    _working: "list[Deferred[None]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        indexes = [self.dice.randbytes(16) for _ in SLOT_BYTES]
        indexes[1] = indexes[0]  # two shares of one storage index, each with a writer of its own
        self.ledger.slots += [
            Slot(index, number, size) for number, (index, size) in enumerate(zip(indexes, SLOT_BYTES, strict=True))
        ]

    def begin(self, speakers: list[Speaking], *, uploaders: int = 4) -> None:
        """Work until end(), or until the server is gone."""
        self.is_on = True
        retries = list(self.ledger.unanswered)
        works = [self._updating(self.ledger.slots[number::2]) for number in range(2)]
        works += [self._uploading(retries[number::uploaders], number) for number in range(uploaders)]
        works.append(self._reading)
        for number, work in enumerate(works):
            self._working.append(Deferred.fromCoroutine(self._work(work, speakers[number % len(speakers)])))

    def end(self) -> "Deferred[object]":
        """What is not answered from now on is not the server's fault; fires when nobody waits for anything."""
        self.is_on = False
        working, self._working = self._working, []
        return DeferredList(working)

    async def _work(self, work: Work, speaking: Speaking) -> None:
        while self.is_on:
            try:
                await Deferred.fromCoroutine(work(speaking)).addTimeout(ANSWERED_WITHIN_SECONDS, reactor)
            except AssertionError as wrong:
                self.troubles.append(str(wrong))
                return
            except Exception as error:  # noqa: BLE001  whatever a client gets to see when its server is gone
                if self.is_on:
                    self.troubles.append(f"{type(error).__name__}: {error}")
                return

    def _updating(self, slots: list[Slot]) -> Work:
        async def update(speaking: Speaking) -> None:
            slot = self.dice.choice(slots)
            if not await change(speaking, slot):
                self.troubles.append(f"a slot of {slot.most_bytes} bytes was not as its only writer had left it")
            self.ledger.confirmed_updates += 1

        return update

    def _uploading(self, retries: list[Upload], number: int) -> Work:
        async def upload(speaking: Speaking) -> None:
            await store(speaking, retries.pop() if retries else self._another(large=number == 0))

        return upload

    def _another(self, *, large: bool) -> Upload:
        upload = Upload(
            self.dice.randbytes(16), self.dice.randrange(3), self.dice.randint(*(LARGE if large else SMALL))
        )
        self.ledger.uploads.append(upload)
        return upload

    async def _reading(self, speaking: Speaking) -> None:
        uploads = [upload for upload in self.ledger.confirmed if upload.size < MIB]
        if uploads:
            await check_upload(speaking, self.dice.choice(uploads))
        else:
            await speaking.server.get_version()

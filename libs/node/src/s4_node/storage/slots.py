"""Mutable shares as the protocols use them, with the semantics of allmydata.storage.server.StorageServer.

A share is one object, written whole and only over the version that was tested. So two nodes on one bucket never lose a
write to each other. Of a call that writes several shares, the first may be written and the second not, when another
node writes at that moment or this one dies. Tahoe-LAFS' clients repair what they then find.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from allmydata.interfaces import BadWriteEnablerError, DataTooLargeError, NoSpace
from allmydata.storage.common import si_b2a
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.server import DEFAULT_RENEWAL_TIME
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed, Missing, S3Error
from s4_node.s3.values import Unchanged
from s4_node.settings import StorageSettings
from s4_node.storage import layout
from s4_node.storage.blocks import Blocks
from s4_node.storage.lease_records import AnyLease
from s4_node.storage.leases import LeaseBook
from s4_node.storage.listing import Listings
from s4_node.storage.locks import Allowance, Locks
from s4_node.storage.mutable_container import ReadVector, TestVector, WriteVector, are_true
from s4_node.storage.rewriting import Edition, Press, Rewrite
from s4_node.storage.slot_shares import Held, HeldShare, SlotShares
from s4_node.storage.spool import Spool
from s4_node.storage.usage import Usage

ATTEMPTS = 3
ANSWERS = 8  # times caps.mutable_bytes: the most that one call reads

Secrets = tuple[bytes, bytes, bytes]  # write enabler, lease renewal, lease cancellation
Vectors = Mapping[int, tuple[TestVector, WriteVector, int | None]]
Answer = tuple[bool, dict[int, list[bytes]]]

_log = Logger()


@dataclass(frozen=True)
class _Call:
    """One test-and-set."""

    storage_index: bytes
    secrets: Secrets = field(repr=False)
    vectors: Vectors = field(repr=False)
    read_vector: ReadVector
    renew_leases: bool


class MutableShare:
    """One version of a mutable share, for a reader that comes back for more of it."""

    def __init__(self, share: HeldShare, shares: SlotShares) -> None:
        self.length = share.header.data_length
        self._share, self._shares = share, shares

    def read(self, offset: int, length: int) -> "Deferred[bytes]":
        """The data there. Raises ConditionFailed or Missing when the share is another by now."""

        async def reading() -> bytes:
            return (await self._shares.read(self._share, [(offset, length)]))[0]

        return Deferred.fromCoroutine(reading())


class Slots:
    """The mutable shares of one grid. `room` says how many bytes may still be stored; None: there is no limit.

    Everything raises S3Error, and UnknownMutableContainerVersionError or DamagedContainer for what is no mutable share.
    """

    def __init__(
        self,
        *,
        objects: Objects,
        listings: Listings,
        blocks: Blocks,
        spool: Spool,
        leases: LeaseBook,
        usage: Usage,
        nodeid: bytes,
        settings: StorageSettings,
        clock: IReactorTime,
        room: Callable[[], int | None],
    ) -> None:
        self._objects, self._listings, self._leases, self._usage = objects, listings, leases, usage
        self._nodeid, self._clock, self._room = nodeid, clock, room
        cache_bytes = settings.caps.mutable_bytes // 4
        self._most_answered = ANSWERS * settings.caps.mutable_bytes
        self._memory = Allowance(settings.caps.mutable_bytes - cache_bytes)
        self._shares = SlotShares(
            objects, listings, blocks, self._memory, cache_bytes=cache_bytes, is_only_writer=settings.single_writer
        )
        self._press = Press(objects, spool, settings, clock)
        self._locks = Locks()

    async def enumerate(self, storage_index: bytes) -> set[int]:
        """The numbers of the shares that exist."""
        return await self._shares.numbers(storage_index)

    async def open(self, storage_index: bytes, number: int) -> MutableShare:
        """The share as it is now. Raises KeyError."""
        held = await self._shares.current(storage_index, [number])
        if number not in held:
            raise KeyError("No such storage index or share number")
        return MutableShare(held[number], self._shares)

    async def length(self, storage_index: bytes, number: int) -> int:
        """Of the share's data. Raises KeyError."""
        return (await self.open(storage_index, number)).length

    async def leases(self, storage_index: bytes) -> list[AnyLease]:
        """The leases that count, of the first share: those inside it and those renewed beside it."""
        return await self._leases.effective(storage_index, await self._listings.fresh(storage_index))

    async def readv(self, storage_index: bytes, numbers: Collection[int], vector: ReadVector) -> dict[int, list[bytes]]:
        """The data of each place, of each of these shares that exists, or of all where none is named."""
        for attempt in range(1, ATTEMPTS + 1):
            held = await self._shares.current(storage_index, numbers, surely=attempt > 1)
            try:
                return await self._read(held, vector)
            except (ConditionFailed, Missing):
                self._forget(held)
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError

    async def testv_and_readv_and_writev(
        self,
        storage_index: bytes,
        secrets: Secrets,
        vectors: Vectors,
        read_vector: ReadVector,
        renew_leases: bool = True,  # noqa: FBT001, FBT002  the disk backend's signature
    ) -> Answer:
        """Read all shares; if every test is true of them, write. Whether it was, and what was read before.

        Raises BadWriteEnablerError, DataTooLargeError; NoSpace when the shares grow and there is no room. What two
        writers do at once is one after the other: the second's tests are made on what the first has written.
        """
        call = _Call(storage_index, secrets, vectors, read_vector, renew_leases)
        async with self._locks.of(storage_index):
            answer = await self._from_memory(call)
            if answer is not None:
                return answer
            for attempt in range(2):
                held = await self._shares.current(storage_index, surely=attempt > 0)
                try:
                    return await self._exchange(call, held, is_sure=True)
                except (ConditionFailed, Missing):
                    self._forget(held)
            held = await self._shares.current(storage_index, surely=True)
            return False, await self._read(held, read_vector)

    async def _from_memory(self, call: _Call) -> Answer | None:
        """Try it on what is remembered: the store refuses what is not so any more. None: that decided nothing.

        Only where the one share that there is gets written, since nothing else is looked at.
        """
        held = self._shares.remembered(call.storage_index)
        if held is None or len(call.vectors) != 1 or not held.keys() <= call.vectors.keys():
            return None
        if not held and any(new_length == 0 for _, _, new_length in call.vectors.values()):
            return None
        try:
            answer = await self._exchange(call, held, is_sure=False)
        except (BadWriteEnablerError, DataTooLargeError, NoSpace, ConditionFailed, Missing):
            self._forget(held)
            return None
        return answer if answer[0] else None

    async def _exchange(self, call: _Call, held: Held, *, is_sure: bool) -> Answer:
        """Raises ConditionFailed only while nothing is written."""
        self._check_write_enabler(call, held)
        is_good = await self._all_pass(call.vectors, held)
        read = await self._read(held, call.read_vector)
        if not is_good:
            return False, read
        rewrites = [*self._rewrites(call, held)]
        async with self._memory.of(sum(rewrite.memory for rewrite in rewrites)):
            editions = [await self._press.edition(rewrite) for rewrite in rewrites]
            self._check_room(editions)
            return await self._write(call, held, editions, is_sure=is_sure), read

    async def _write(self, call: _Call, held: Held, editions: list[Edition], *, is_sure: bool) -> bool:
        by_key = {edition.rewrite.key: edition for edition in editions}
        is_written = False
        for number, (_, _, new_length) in call.vectors.items():
            edition = by_key.get(layout.share(call.storage_index, number))
            try:
                if new_length == 0 and number in held:
                    await self._delete(call.storage_index, number, held[number])
                elif edition is not None and not (is_sure and edition.is_same):
                    await self._publish(call.storage_index, number, edition)
                else:
                    continue
            except (ConditionFailed, Missing):
                if is_written:
                    return False
                raise
            is_written = True
        await self._forget_leases_of_nothing(call, held)
        return True

    async def _publish(self, storage_index: bytes, number: int, edition: Edition) -> None:
        old = edition.rewrite.old
        self._shares.forget(edition.rewrite.key)
        try:
            with self._usage.changing(edition.rewrite.key, old.stat.size if old else None, edition.size):
                share = await self._press.publish(edition)
        except BaseException:  # cancelled, too: nobody knows what is in the bucket now
            self._listings.forget(storage_index)
            raise
        self._shares.put(storage_index, number, share)

    async def _delete(self, storage_index: bytes, number: int, share: HeldShare) -> None:
        self._shares.forget(share.stat.key)
        try:
            with self._usage.changing(share.stat.key, share.stat.size, None):
                await self._objects.delete(share.stat.key, only_if=Unchanged(share.stat.etag))
        except BaseException:  # cancelled, too: nobody knows what is in the bucket now
            self._listings.forget(storage_index)
            raise
        self._shares.removed(storage_index, number)

    async def _forget_leases_of_nothing(self, call: _Call, held: Held) -> None:
        deleted = {number for number, vectors in call.vectors.items() if vectors[2] == 0}
        if not held or (held.keys() | call.vectors.keys()) - deleted:
            return
        try:
            await self._leases.forget(call.storage_index)
        except S3Error as failed:  # they are 72 bytes each, and mean nothing without a share
            _log.warn("leases.left-behind", storage_index=_text(call.storage_index), error=repr(failed))

    def _check_write_enabler(self, call: _Call, held: Held) -> None:
        for number, share in held.items():
            try:
                share.header.check_write_enabler(call.secrets[0])
            except BadWriteEnablerError:
                _log.warn("slot.bad-write-enabler", share=f"{_text(call.storage_index)}/{number}")
                raise

    async def _all_pass(self, vectors: Vectors, held: Held) -> bool:
        for number, (tests, _, _) in vectors.items():
            places = [(offset, length) for offset, length, _, _ in tests]
            found = [b""] * len(tests)
            if number in held:
                found = (await self._read({number: held[number]}, places))[number]
            if not are_true(tests, found):
                return False
        return True

    async def _read(self, held: Held, vector: ReadVector) -> dict[int, list[bytes]]:
        spans = [share.header.span(offset, length) for share in held.values() for offset, length in vector]
        size = sum(end - start for start, end in spans)
        if size > self._most_answered:
            raise DataTooLargeError
        if all(share.is_whole for share in held.values()):
            return {number: await self._shares.read(share, vector) for number, share in held.items()}
        async with self._memory.of(size):
            return {number: await self._shares.read(share, vector) for number, share in held.items()}

    def _rewrites(self, call: _Call, held: Held) -> "list[Rewrite]":
        write_enabler, renew, cancel = call.secrets
        expires = self._clock.seconds() + DEFAULT_RENEWAL_TIME
        lease = LeaseInfo(1, renew, cancel, expires, self._nodeid) if call.renew_leases else None
        return [
            Rewrite(
                layout.share(call.storage_index, number),
                held.get(number),
                self._nodeid,
                write_enabler,
                writes,
                new_length,
                lease,
            )
            for number, (_, writes, new_length) in call.vectors.items()
            if new_length != 0
        ]

    def _check_room(self, editions: list[Edition]) -> None:
        growth, room = sum(edition.growth for edition in editions), self._room()
        if room is not None and growth > max(0, room):
            raise NoSpace

    def _forget(self, held: Held) -> None:
        for share in held.values():
            self._shares.forget(share.stat.key)


def _text(storage_index: bytes) -> str:
    return str(si_b2a(storage_index).decode("ascii"))

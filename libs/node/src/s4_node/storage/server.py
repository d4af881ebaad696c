"""The storage server of one grid: what allmydata.storage.server.StorageServer does, in a bucket and with Deferreds."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

import allmydata
from allmydata.interfaces import IStatsProducer
from allmydata.mutable.layout import MAX_MUTABLE_SHARE_SIZE
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.server import DEFAULT_RENEWAL_TIME
from twisted.application.service import MultiService
from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from s4_node.objects import Objects
from s4_node.s3.errors import S3Error
from s4_node.settings import StorageSettings
from s4_node.storage import container, layout
from s4_node.storage.abandoned import Sweep
from s4_node.storage.advisories import Advisories
from s4_node.storage.blocks import Blocks
from s4_node.storage.cache import GridCache
from s4_node.storage.conditions import Conditions
from s4_node.storage.expiry import Expiry, ExpiryRules
from s4_node.storage.layout import ShareName
from s4_node.storage.leases import LeaseBook
from s4_node.storage.listing import Listings, Shares
from s4_node.storage.reader import Reader, Readers
from s4_node.storage.slots import MutableShare, Slots, Vectors
from s4_node.storage.spool import Spool, SpoolError
from s4_node.storage.status import UNLIMITED, BucketCounter, LeaseChecker, Statistics
from s4_node.storage.tally import Amount
from s4_node.storage.upload import Upload
from s4_node.storage.usage import Change, Usage
from s4_node.workers import Stopped

PROBED_WITHIN_SECONDS = 10.0
STOPPED_WITHIN_SECONDS = 6.0  # with what the threads get after it (storage/shared.py) below the 15 of a grid's unit
Secrets = tuple[bytes, bytes, bytes]  # write enabler, lease renewal, lease cancel
Exchanged = tuple[bool, dict[int, list[bytes]]]
ReadVector = Sequence[tuple[int, int]]

T = TypeVar("T")
_log = Logger()


@implementer(IStatsProducer)
class S3StorageServer(Statistics, MultiService):
    """One grid's shares. Whatever touches the bucket answers with a Deferred."""

    name = "storage"

    def __init__(
        self,
        settings: StorageSettings,
        objects: Objects,
        cache: GridCache,
        nodeid: bytes,
        *,
        clock: IReactorTime,
        readonly: bool = False,
        expiry: ExpiryRules = ExpiryRules(),  # noqa: B008  frozen
        stats_provider: object = None,
        left: Callable[[], None] = lambda: None,
    ) -> None:
        """`left` is called when the server has stopped, and asks nothing of the bucket any more."""
        MultiService.__init__(self)
        Statistics.__init__(self, stats_provider)
        self.my_nodeid, self.objects, self._settings, self._clock, self._cache = nodeid, objects, settings, clock, cache
        self._left, self._readonly, self._is_stopped = left, readonly, False
        self._spool = Spool(settings.spool, settings.caps.spool_bytes)
        self._uploads: dict[ShareName, Upload] = {}
        self._growing: dict[ShareName, Change] = {}
        self._when_closed: list[Callable[[Upload], None]] = []
        self._listings = Listings(objects, clock)
        self._usage = Usage(objects, clock)
        self._leases = LeaseBook(objects, self._usage, clock)
        self._advisories = Advisories(objects, self._listings, self._usage, clock)
        blocks = Blocks(objects, cache, settings)
        self._conditions = Conditions(objects, settings)
        self._readers = Readers(self._listings, blocks, self._said_corrupt, clock)
        self._slots = Slots(
            objects=objects,
            listings=self._listings,
            blocks=blocks,
            spool=self._spool,
            leases=self._leases,
            usage=self._usage,
            nodeid=nodeid,
            settings=settings,
            clock=clock,
            room=self.get_available_space,
        )
        self._expiry = Expiry(objects, self._listings, self._leases, self._usage, rules=expiry, clock=clock)
        self._sweep = Sweep(objects.unhurried(), lambda: [one.multipart for one in self._uploads.values()], clock)
        self.bucket_counter = BucketCounter(self._usage)
        self.lease_checker = LeaseChecker(expiry)
        if stats_provider is not None:
            stats_provider.register_producer(self)  # type: ignore[attr-defined]  # allmydata.stats.StatsProvider

    # what a client may know without anybody asking S3

    def get_version(self) -> dict[bytes, object]:
        """What this server can, and has room for."""
        available = self.get_available_space()
        room = UNLIMITED if available is None else available
        largest = max(0, min(room, self._spool.max_bytes) - container.size(0))
        return {
            b"http://allmydata.org/tahoe/protocols/storage/v1": {
                b"maximum-immutable-share-size": largest,
                b"maximum-mutable-share-size": MAX_MUTABLE_SHARE_SIZE,
                b"available-space": room,
                b"tolerates-immutable-read-overrun": True,
                b"delete-mutable-shares-with-zero-length-writev": True,
                b"fills-holes-with-zero-bytes": True,
                b"prevents-read-past-end-of-share-data": True,
            },
            b"application-version": allmydata.__full_version__.encode("utf-8"),
        }

    def get_available_space(self) -> int | None:
        """What the quota leaves, in bytes; None when there is none. Nothing is left of [storage] readonly."""
        if self._readonly:
            return 0
        return self._usage.available(self._settings.quota_bytes)

    def allocated_size(self) -> int:
        """Bytes of data that uploads on their way were begun for."""
        return sum(upload.allocated_size() for upload in self._uploads.values())

    def get_stats(self) -> dict[str, float]:
        """What the node's statistics hold of it."""
        indexes = self._usage.storage_indexes
        return self.statistics(allocated=self.allocated_size(), available=self.get_available_space(), indexes=indexes)

    def readings(self) -> Mapping[str, float]:
        """What this grid has in use, by the names of s4_node.metrics.GAUGES."""
        return {
            "spool_bytes": self._spool.reserved,
            "spool_limit_bytes": self._spool.max_bytes,
            "uploads": len(self._uploads),
            "stored_bytes": self._usage.total.bytes,
            "stored_objects": self._usage.total.objects,
            "cache_hits": self._cache.hits,
            "cache_misses": self._cache.misses,
        }

    @property
    def stored(self) -> Amount | None:
        """Everything in the bucket; None until that was counted, here or by a node before this one."""
        return self._usage.total if self._usage.is_known else None

    # immutable shares

    def allocate_buckets(
        self,
        storage_index: bytes,
        renew_secret: bytes,
        cancel_secret: bytes,
        sharenums: set[int],
        allocated_size: int,
    ) -> "Deferred[tuple[set[int], dict[int, Upload]]]":
        """Which shares are there, their leases renewed, and uploads of those that are neither there nor on their way.

        A share that there is no room for is in neither.
        """
        lease = self._lease(renew_secret, cancel_secret, owner=0)
        return self._timed("allocate", self._allocate(storage_index, lease, sharenums, allocated_size))

    async def _allocate(
        self, storage_index: bytes, lease: LeaseInfo, numbers: set[int], size: int
    ) -> tuple[set[int], dict[int, Upload]]:
        await self._conditions.required()
        present = await self._leased(storage_index, lease)
        if self._is_stopped:
            raise Stopped
        # nothing is awaited from here on, or two clients would be given the same share
        uploads = {}
        for number in sorted(numbers - present.keys()):
            upload = self._begin(ShareName(storage_index, number), size, lease)
            if upload is not None:
                uploads[number] = upload
        return set(present), uploads

    async def _leased(self, storage_index: bytes, lease: LeaseInfo) -> Shares:
        """The shares that are there, with this lease; not those that expired before they had it."""
        shares: Shares = await self._listings.fresh(storage_index)
        while shares:
            await self._leases.add(storage_index, lease, shares)
            still = self._listings.known(storage_index)
            if still is not None and still.keys() >= shares.keys():
                return still
            shares = await self._listings.fresh(storage_index)
        return shares

    def _begin(self, name: ShareName, size: int, lease: LeaseInfo) -> Upload | None:
        available = self.get_available_space()
        if name in self._uploads or (available is not None and available < container.size(size)):
            return None
        try:
            upload = Upload(
                objects=self.objects,
                spool_file=self._spool.reserve(container.size(size)),
                name=name,
                size=size,
                lease=lease,
                settings=self._settings,
                clock=self._clock,
                closed=self._closed,
            )
        except SpoolError as error:
            _log.warn("upload.refused", grid=self.objects.grid, error=str(error))
            return None
        self._uploads[name] = upload
        self._growing[name] = self._usage.changing(layout.share(*name), None, container.size(size))
        return upload

    def _closed(self, upload: Upload, added: int) -> None:
        del self._uploads[upload.name]
        change = self._growing.pop(upload.name)
        if added:
            change.settled(added)
            self.count_added(added)
        else:
            change.dropped()
        if upload.stat is not None:
            self._listings.put(*upload.name, upload.stat)
        self.count("close" if upload.stat else "abort")
        for told in self._when_closed:
            told(upload)

    def register_bucket_writer_close_handler(self, handler: Callable[[Upload], None]) -> None:
        """Call the handler with every upload that ends, in whatever way."""
        self._when_closed.append(handler)

    def get_buckets(self, storage_index: bytes) -> "Deferred[dict[int, Reader]]":
        """A reader for each share."""
        return self._timed("get", self._readers.all(storage_index))

    def get_reader(self, storage_index: bytes, number: int) -> "Deferred[Reader]":
        """A reader for this share. Raises NoSuchShare."""
        return self._timed("get", self._readers.one(storage_index, number))

    def advise_corrupt_share(
        self, share_type: bytes, storage_index: bytes, shnum: int, reason: bytes
    ) -> "Deferred[None]":
        """Keep what a client says of a share, if there is such a share."""
        return Deferred.fromCoroutine(self._advisories.put(share_type, storage_index, shnum, reason))

    def _said_corrupt(self, kind: str, storage_index: bytes, number: int, reason: bytes) -> "Deferred[None]":
        return self.advise_corrupt_share(kind.encode("ascii"), storage_index, number, reason)

    # leases

    def add_lease(self, storage_index: bytes, renew_secret: bytes, cancel_secret: bytes) -> "Deferred[None]":
        """Renew the lease with this secret on every share, or make one."""
        lease = self._lease(renew_secret, cancel_secret, owner=1)
        return self._timed("add-lease", self._add_lease(storage_index, lease))

    async def _add_lease(self, storage_index: bytes, lease: LeaseInfo) -> None:
        shares = await self._listings.of(storage_index)
        if shares:
            await self._leases.add(storage_index, lease, shares)

    def enumerate_shares(self, storage_index: bytes) -> "Deferred[set[int]]":
        """The numbers of its shares, of whatever kind."""
        return self._listings.of(storage_index).addCallback(set)

    def _lease(self, renew_secret: bytes, cancel_secret: bytes, *, owner: int) -> LeaseInfo:
        return LeaseInfo(
            owner, renew_secret, cancel_secret, self._clock.seconds() + DEFAULT_RENEWAL_TIME, self.my_nodeid
        )

    # mutable shares

    def slot_testv_and_readv_and_writev(
        self,
        storage_index: bytes,
        secrets: Secrets,
        test_and_write_vectors: Vectors,
        read_vector: ReadVector,
        renew_leases: bool = True,  # noqa: FBT001, FBT002  as Tahoe-LAFS has it
    ) -> "Deferred[Exchanged]":
        """Read, test, and write if all tests hold."""

        async def exchange() -> Exchanged:
            if test_and_write_vectors:
                await self._conditions.required()
            return await self._slots.testv_and_readv_and_writev(
                storage_index, secrets, test_and_write_vectors, read_vector, renew_leases
            )

        return self._timed("writev", exchange())

    def slot_readv(
        self, storage_index: bytes, shares: Sequence[int], readv: ReadVector
    ) -> "Deferred[dict[int, list[bytes]]]":
        """The vectors of these shares, or of all."""
        return self._timed("readv", self._slots.readv(storage_index, shares, readv))

    def enumerate_mutable_shares(self, storage_index: bytes) -> "Deferred[set[int]]":
        """The numbers of the shares."""
        return Deferred.fromCoroutine(self._slots.enumerate(storage_index))

    def get_mutable_share(self, storage_index: bytes, number: int) -> "Deferred[MutableShare]":
        """The share as it is now, to be read in pieces. Raises KeyError."""
        return self._timed("readv", self._slots.open(storage_index, number))

    # the service

    async def require_conditions(self) -> None:
        """Raise ConditionsIgnored, unless the store does not answer: it is asked again before it is written to."""
        try:
            required = Deferred.fromCoroutine(self._conditions.required())
            await required.addTimeout(PROBED_WITHIN_SECONDS, self._clock)
        except (S3Error, defer.TimeoutError) as error:
            _log.warn("store.not-probed", grid=self.objects.grid, error=str(error) or type(error).__name__)

    def have_shares(self) -> bool:
        """Whether there are shares from before 2009, whose place is computed from the tub's id. Never."""
        return False

    def startService(self) -> None:  # noqa: N802  Twisted's name
        """Begin to count what is stored, and to clean up."""
        MultiService.startService(self)
        self._usage.start()
        self._expiry.start()
        self._sweep.start()

    def stopService(self) -> "Deferred[None]":  # noqa: N802  Twisted's name
        """Uploads are aborted, and the bucket knows it if it answers soon; then nothing is asked of it any more."""
        stopped, self._is_stopped = MultiService.stopService(self), True
        self._sweep.stop()
        ended = Deferred.fromCoroutine(self._end())  # a DeferredList could not be cancelled once it has fired
        ended.addTimeout(STOPPED_WITHIN_SECONDS, self._clock).addErrback(lambda _: None)
        ended.addCallback(lambda _: self._left())
        return ended.addCallback(lambda _: stopped).addCallback(lambda _: None)

    async def _end(self) -> None:
        aborted = [upload.abort() for upload in tuple(self._uploads.values())]
        await DeferredList([*aborted, self._expiry.stop()], consumeErrors=True)
        await self._usage.stop()

    def _timed(self, category: str, work: "Coroutine[Deferred[object], object, T]") -> "Deferred[T]":
        """The work as a Deferred, counted and timed as the disk backend does it."""
        self.count(category)
        began = self._clock.seconds()

        def ended(answer: T) -> T:
            self.add_latency(category, self._clock.seconds() - began)
            return answer

        return Deferred.fromCoroutine(work).addBoth(ended)

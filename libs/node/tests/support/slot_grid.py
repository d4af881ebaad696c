"""All that mutable shares, leases and counts need, over a real bucket and a clock that tests advance."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time

from allmydata.storage.lease import LeaseInfo
from allmydata.storage.server import StorageServer
from twisted.internet.task import Clock

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.requests import Patience
from s4_node.s3.values import Store
from s4_node.settings import MIB, Caps, StorageSettings
from s4_node.storage import layout
from s4_node.storage.blocks import Blocks
from s4_node.storage.cache import Cache
from s4_node.storage.leases import LeaseBook
from s4_node.storage.listing import Listings
from s4_node.storage.mutable_container import ReadVector, TestVector
from s4_node.storage.slots import Answer, Secrets, Slots, Vectors
from s4_node.storage.spool import Spool
from s4_node.storage.usage import Usage
from s4_node.workers import Workers
from support.spinning import reactor, spin

INDEX = b"storage index 16"
NODEID = b"n" * 20
SECRETS = (b"enabler".ljust(32), b"renew".ljust(32), b"cancel".ljust(32))
MONTH = 31 * 86400
CAPS = Caps()


@dataclass
class Room:
    """What the quota leaves; tests change it."""

    left: int | None = None

    def __call__(self) -> int | None:
        return self.left


@dataclass
class Node:
    """One node's view of the bucket."""

    bucket: Bucket
    objects: Objects
    listings: Listings
    usage: Usage
    leases: LeaseBook
    spool: Spool
    slots: Slots
    clock: Clock
    room: Room = field(default_factory=Room)

    def exchange(
        self,
        vectors: Vectors,
        read: ReadVector = (),
        *,
        secrets: Secrets = SECRETS,
        renews: bool = True,
        index: bytes = INDEX,
    ) -> Answer:
        """Test, read and write."""
        answer: Answer = spin(self.slots.testv_and_readv_and_writev(index, secrets, vectors, read, renews))
        return answer

    def write(self, data: bytes, offset: int = 0, number: int = 0, *, tests: TestVector = ()) -> bool:
        """Write it where the tests hold; whether they did."""
        return self.exchange({number: (tests, [(offset, data)], None)})[0]

    def delete(self, *numbers: int) -> bool:
        return self.exchange({number: ([], [], 0) for number in numbers})[0]

    def read_all(self, length: int = 100) -> dict[int, list[bytes]]:
        """The beginning of every share."""
        found: dict[int, list[bytes]] = spin(self.slots.readv(INDEX, [], [(0, length)]))
        return found

    def read(self, number: int = 0, length: int = 100) -> bytes:
        found: dict[int, list[bytes]] = spin(self.slots.readv(INDEX, [number], [(0, length)]))
        return found[number][0]

    def expiries(self) -> list[float]:
        """When each lease of the slot expires."""
        found: list[LeaseInfo] = spin(self.slots.leases(INDEX))
        return [lease.get_expiration_time() for lease in found]

    def stored(self, number: int = 0, *, index: bytes = INDEX) -> bytes:
        """The whole object."""
        return self.bucket.get(layout.share(index, number)).body

    def visible(self) -> list[str]:
        return [stat.key for stat in self.bucket.list("")]


@dataclass
class SlotGrid:
    """A bucket's prefix, and nodes that serve it."""

    store: Store
    workers: Workers
    folder: Path
    clock: Clock = field(default_factory=Clock)
    nodes: int = 0

    def node(
        self, *, caps: Caps = CAPS, room: int | None = None, single_writer: bool = False, within: float = 86400
    ) -> Node:
        """Another node of the same grid: it knows nothing of what the others remember."""
        self.nodes += 1
        spool_folder = self.folder / f"spool-{self.nodes}"
        settings = StorageSettings(self.store, spool_folder, caps, part_bytes=5 * MIB, single_writer=single_writer)
        bucket = Bucket(self.store, patience=Patience(whole=1.5, silence=1, refusals=3))
        objects = Objects(bucket, self.workers.lane(f"grid-{self.nodes}", 8))
        listings, usage, spool = (
            Listings(objects, self.clock),
            Usage(objects, self.clock),
            Spool(spool_folder, caps.spool_bytes),
        )
        leases = LeaseBook(objects, usage, self.clock, within=within)
        left = Room(room)
        slots = Slots(
            objects=objects,
            listings=listings,
            blocks=Blocks(objects, Cache(64 * MIB).for_grid("g", 32 * MIB), settings),
            spool=spool,
            leases=leases,
            usage=usage,
            nodeid=NODEID,
            settings=settings,
            clock=self.clock,
            room=left,
        )
        return Node(bucket, objects, listings, usage, leases, spool, slots, self.clock, left)


@contextmanager
def a_slot_grid(store: Store, folder: Path) -> Iterator[SlotGrid]:
    workers = Workers(12, reactor=reactor)
    workers.start()
    grid = SlotGrid(replace(store, prefix="grid/"), workers, folder)
    grid.clock.advance(int(time()))
    yield grid
    spin(workers.stop())


def disk_server(folder: Path, clock: Clock) -> StorageServer:
    """Stock Tahoe-LAFS' own server on a directory, at the same time of day."""
    return StorageServer(str(folder), NODEID, clock=clock)


def a_lease(secret: bytes, expires: float) -> LeaseInfo:
    return LeaseInfo(1, secret.ljust(32), secret.ljust(32), int(expires), NODEID)

"""Everything an upload needs, over a real bucket: threads, a spool, a clock that tests advance."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from allmydata.storage.immutable import ShareFile
from allmydata.storage.lease import LeaseInfo
from twisted.internet.task import Clock

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.requests import Patience
from s4_node.s3.values import Store
from s4_node.settings import MIB, Caps, StorageSettings
from s4_node.storage import container, layout
from s4_node.storage.layout import ShareName
from s4_node.storage.spool import Spool, SpoolFile
from s4_node.storage.upload import Upload
from s4_node.workers import Workers
from support.spinning import reactor, spin, until

INDEX = b"storage index 16"
LEASE = LeaseInfo(0, b"renew secret".ljust(32), b"cancel secret".ljust(32), 1_800_000_000, b"n" * 20)
PART = 5 * MIB  # the smallest that S3 takes


@dataclass
class Dock:
    """Where uploads leave from."""

    bucket: Bucket
    objects: Objects
    workers: Workers
    spool: Spool
    settings: StorageSettings
    folder: Path
    clock: Clock = field(default_factory=Clock)
    ended: list[tuple[Upload, int]] = field(default_factory=list)  # and how many bytes each has added

    def upload(self, size: int, number: int = 0, file: SpoolFile | None = None) -> Upload:
        return Upload(
            objects=self.objects,
            spool_file=file or self.spool.reserve(container.size(size)),
            name=ShareName(INDEX, number),
            size=size,
            lease=LEASE,
            settings=self.settings,
            clock=self.clock,
            closed=lambda upload, added: self.ended.append((upload, added)),
        )

    def stored(self, number: int = 0) -> bytes:
        """The whole object."""
        return self.bucket.get(layout.share(INDEX, number)).body

    def visible(self) -> list[str]:
        return [stat.key for stat in self.bucket.list("")]

    def pending(self) -> list[str]:
        return [pending.key for pending in self.bucket.uploads("")]

    def pass_time_until_ended(self, upload: Upload) -> None:
        """By the dock's clock, which nothing else moves."""

        def ended() -> bool:
            self.clock.advance(0.05)
            return upload.is_closed

        until(ended)

    def is_empty(self) -> bool:
        """Whether nothing of any upload is left on this machine."""
        return self.spool.reserved == 0 and not [*self.spool.folder.iterdir()]


@contextmanager
def a_dock(store: Store, folder: Path, *, parts: int = 3, patience: float = 20) -> Iterator[Dock]:
    bucket = Bucket(replace(store, prefix="grid/"), patience=Patience(whole=patience, silence=patience, refusals=2))
    workers = Workers(12, reactor=reactor)
    workers.start()
    objects = Objects(bucket, workers.lane("grid", 8))
    settings = StorageSettings(bucket.store, folder / "spool", Caps(parts=parts), part_bytes=PART)
    yield Dock(bucket, objects, workers, Spool(settings.spool, settings.caps.spool_bytes), settings, folder)
    spin(workers.stop())


def fill_the_disk(file: SpoolFile) -> None:
    """From now on the file takes nothing: the system says that there is no room."""
    refusing = os.open("/dev/full", os.O_RDWR)
    os.dup2(refusing, file._descriptor)
    os.close(refusing)


def written_by_the_disk_backend(folder: Path, data: bytes, name: str = "disk") -> bytes:
    """The share file that stock Tahoe-LAFS writes for this data and our lease."""
    file = ShareFile(str(folder / name), max_size=len(data), create=True)
    file.add_lease(LEASE)
    file.write_share_data(0, data)
    return (folder / name).read_bytes()

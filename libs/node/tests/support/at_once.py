"""This project's storage server as Tahoe-LAFS' tests call the stock one: no Deferreds, every answer at once."""

from functools import partial
from pathlib import Path
from typing import Any

from allmydata.util import base32
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.storage.cache import Cache
from s4_node.storage.reader import Reader
from s4_node.storage.upload import Upload
from support.tahoe_suites import SuiteServer, inline_objects, settings

_STEPS = 10_000
_STORAGE_INDEX_BYTES = 16


class AtOnce:
    """What is asked of it is asked of `thing`; a Deferred is waited for by making the requests to S3 meanwhile."""

    def __init__(self, thing: Any, requests: Clock) -> None:
        self._thing, self._requests = thing, requests

    def __str__(self) -> str:
        name = self._thing.name
        return f"<BucketReader {base32.b2a(name.storage_index[:8])[:12].decode()} {name.number}>"

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        return self._waiting(found) if callable(found) else found

    def _waiting(self, method: Any) -> Any:
        return lambda *args, **named: self._answer(method(*args, **named))

    def _answer(self, answer: Any) -> Any:
        if not isinstance(answer, Deferred):
            return answer
        answers: list[Any] = []
        answer.addBoth(answers.append)
        for _ in range(_STEPS):
            if answers:
                break
            self._requests.advance(0)
        [result] = answers
        if isinstance(result, Failure):
            result.raiseException()
        return self._wrapped(result)

    def _wrapped(self, result: Any) -> Any:
        if isinstance(result, tuple):
            return tuple(self._wrapped(one) for one in result)
        if isinstance(result, dict):
            return {key: self._wrapped(value) for key, value in result.items()}
        return AtOnce(result, self._requests) if isinstance(result, Upload | Reader) else result


class ServerAtOnce(AtOnce):
    """Made as allmydata.storage.server.StorageServer is. Short storage indexes are made as long as real ones are."""

    store: Store  # set by the test that uses it

    def __init__(
        self,
        folder: str,
        nodeid: bytes,
        *,
        readonly_storage: bool = False,
        stats_provider: object = None,
        clock: Any = None,
        **_of_a_disk: object,
    ) -> None:
        requests = Clock()
        where = settings(self.store, Path(folder))
        server = SuiteServer(
            where,
            inline_objects(where.store, requests),
            Cache(2**26).for_grid("", 2**26),
            nodeid,
            clock=clock or Clock(),
            readonly=readonly_storage,
            stats_provider=stats_provider,
        )
        super().__init__(server, requests)
        self._bucket = Bucket(where.store)
        self.corruption_advisory_dir = str(Path(folder) / "corruption-advisories")
        self._copy_advisories()

    def setServiceParent(self, parent: object) -> None:  # noqa: N802  Twisted's name
        """It is not started: nothing makes the requests of what it does by itself."""

    def allocate_buckets(self, storage_index: bytes, *args: Any, **_in_neither_protocol: object) -> Any:
        renew_secret, cancel_secret, numbers, size = args
        allocate = self._waiting(self._thing.allocate_buckets)
        return allocate(_long(storage_index), renew_secret, cancel_secret, set(numbers), size)

    def renew_lease(self, storage_index: bytes, renew_secret: bytes) -> None:
        """What no client can ask for any more, by what it can."""
        if not any(lease.is_renew_secret(renew_secret) for lease in self.get_leases(storage_index)):
            raise IndexError
        self.add_lease(storage_index, renew_secret, bytes(32))

    def advise_corrupt_share(self, kind: bytes, storage_index: bytes, *args: Any) -> None:
        self._waiting(self._thing.advise_corrupt_share)(kind, _long(storage_index), *args)
        self._copy_advisories()

    def get_buckets(self, storage_index: bytes) -> dict[int, Any]:
        readers: dict[int, Any] = self._waiting(self._thing.get_buckets)(_long(storage_index))
        for number, reader in readers.items():
            reader.advise_corrupt_share = partial(self.advise_corrupt_share, b"immutable", storage_index, number)
        return readers

    def _copy_advisories(self) -> None:
        for stat in self._bucket.list("corruption-advisories/"):
            path = Path(self.corruption_advisory_dir) / stat.key.rpartition("/")[2]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self._bucket.get(stat.key).body)
        Path(self.corruption_advisory_dir).mkdir(exist_ok=True)

    def get_mutable_share_length(self, storage_index: bytes, number: int) -> int:
        share = self._waiting(self._thing.get_mutable_share)(_long(storage_index), number)
        return int(share.length)

    def get_immutable_share_length(self, storage_index: bytes, number: int) -> int:
        reader = self._waiting(self._thing.get_reader)(_long(storage_index), number)
        return int(reader.get_length())

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name in _OF_A_STORAGE_INDEX:
            return lambda storage_index, *args, **named: found(_long(storage_index), *args, **named)
        return found


_OF_A_STORAGE_INDEX = {
    "add_lease",
    "enumerate_mutable_shares",
    "get_leases",
    "get_slot_leases",
    "slot_readv",
    "slot_testv_and_readv_and_writev",
}


def _long(storage_index: bytes) -> bytes:
    return storage_index.ljust(_STORAGE_INDEX_BYTES, b"\0")

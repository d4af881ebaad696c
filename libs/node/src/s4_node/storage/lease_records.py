"""Renewed leases of a storage index, as they are in their object: 72-byte records of version 2 and nothing else."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from allmydata.interfaces import NoSpace
from allmydata.storage.immutable_schema import NEWEST_SCHEMA_VERSION
from allmydata.storage.lease import HashedLeaseInfo, LeaseInfo

from s4_node.storage.container import LEASE_BYTES, lease_record

SECRET = slice(4, 36)  # of a record: the hashed renew secret
MOST = 1000  # secrets of one storage index; each client has one of its own, and who has the index may add any

AnyLease: TypeAlias = LeaseInfo | HashedLeaseInfo


def secret_of(lease: AnyLease) -> bytes:
    """What tells one lease from another: its hashed renew secret, also of a lease that was kept with a plain one."""
    return lease_record(lease)[SECRET]


def parse(body: bytes) -> dict[bytes, AnyLease]:
    """The leases by their secret; what is cut short at the end is left out."""
    leases: dict[bytes, AnyLease] = {}
    for at in range(0, len(body) - LEASE_BYTES + 1, LEASE_BYTES):
        lease = NEWEST_SCHEMA_VERSION.lease_serializer.unserialize(body[at : at + LEASE_BYTES])
        keep_latest(leases, body[at : at + LEASE_BYTES][SECRET], lease)
    return leases


def text(leases: Iterable[AnyLease]) -> bytes:
    """The object's bytes."""
    return b"".join(lease_record(lease) for lease in leases)


def keep_latest(leases: dict[bytes, AnyLease], secret: bytes, lease: AnyLease) -> None:
    """One lease for each secret: the one that is there is renewed, and never to an earlier time."""
    found = leases.get(secret)
    if found is None:
        leases[secret] = lease
    elif lease.get_expiration_time() > found.get_expiration_time():
        leases[secret] = found.renew(lease.get_expiration_time())


def with_lease(leases: dict[bytes, AnyLease], lease: AnyLease, now: float, most: int = MOST) -> dict[bytes, AnyLease]:
    """With this lease too. Where there are too many, those that have expired give way; raises NoSpace when none has."""
    renewed = dict(leases)
    keep_latest(renewed, secret_of(lease), lease)
    if len(renewed) > most:
        renewed = {secret: one for secret, one in renewed.items() if one.get_expiration_time() > now}
    if len(renewed) > most:
        raise NoSpace
    return renewed


def union(*sources: Iterable[AnyLease]) -> list[AnyLease]:
    """Every secret once, with its latest expiry, in the order in which they were met."""
    leases: dict[bytes, AnyLease] = {}
    for lease in _all(sources):
        keep_latest(leases, secret_of(lease), lease)
    return [*leases.values()]


def _all(sources: Iterable[Iterable[AnyLease]]) -> Iterator[AnyLease]:
    for source in sources:
        yield from source

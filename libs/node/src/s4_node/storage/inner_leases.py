"""The leases inside a share of either kind, without reading its data."""

from allmydata.storage.mutable_schema import schema_from_header

from s4_node.objects import Objects
from s4_node.s3.errors import OutOfRange
from s4_node.s3.values import Got, Stat
from s4_node.storage import container
from s4_node.storage.images import MemoryImage
from s4_node.storage.lease_records import AnyLease
from s4_node.storage.mutable_container import COUNT, DATA_AT, MutableContainer, parse_header

BEGINNING = DATA_AT + COUNT.size + 3500  # bytes that are read at once: the whole of a small directory


async def inner_leases(objects: Objects, stat: Stat) -> list[AnyLease]:
    """The leases in the share as it is now, in one or two GETs. Raises Missing, and what a broken container raises."""
    try:
        got = await objects.get(stat.key, 0, BEGINNING)
    except OutOfRange:
        return []
    if is_mutable(got.body):
        return await _of_mutable(objects, stat.key, got)
    return await _of_immutable(objects, stat.key, got)


def is_mutable(beginning: bytes) -> bool:
    """Whether a share that begins so is a mutable one."""
    return schema_from_header(beginning) is not None


async def _of_mutable(objects: Objects, key: str, got: Got) -> list[AnyLease]:
    if len(got.body) == got.size:
        return MutableContainer(MemoryImage(got.body), key).leases()
    header = parse_header(got.body, got.size, key)
    tail = (await objects.get(key, header.extra_leases_at, etag=got.etag)).body
    return MutableContainer.without_data(got.body, tail, key).leases()


async def _of_immutable(objects: Objects, key: str, got: Got) -> list[AnyLease]:
    share = container.parse(key, got.body, got.size)
    if not share.leases:
        return []
    if len(got.body) == got.size:
        return container.leases(share, got.body[share.lease_offset :])
    return container.leases(share, (await objects.get(key, share.lease_offset, etag=got.etag)).body)

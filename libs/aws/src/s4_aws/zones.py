"""Grids' names in DNS."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Address
from typing import Any

import msgspec

from s4_aws.changes import Action, ChangeRefused, Changes, ZoneReplaced
from s4_aws.pace import Pace
from s4_aws.records import Record, Records, plain
from s4_aws.spreading import Spreading
from s4_aws.trouble import aws_errors
from s4_runtime import Clock, Permanent, Temporary

__all__ = ["ChangeRefused", "Found", "NameUnsettled", "NoZone", "Zone", "ZoneReplaced"]

_TTL_SECONDS = 60  # a grid that moves is found again within a minute
_TRIES = 3


class NoZone(Permanent):
    """The account has no public hosted zone of the configured name."""


class NameUnsettled(Temporary):
    """Somebody else changes the name while we take it out."""


class Found(msgspec.Struct, frozen=True):
    """What stands in the zone under one name. Other types than A are named in ``others``."""

    addresses: tuple[IPv4Address, ...] = ()
    ttl: int | None = None
    others: tuple[str, ...] = ()

    def means(self, address: IPv4Address | None) -> bool:
        """Whether this is what ``point`` would have written, or with None, nothing."""
        if address is None:
            return self == Found()
        return self == Found((address,), _TTL_SECONDS)


class _Zone(msgspec.Struct, frozen=True):
    """Which one it is, and how many records it had when it was looked up."""

    id: str
    size: int


class Zone:
    """One hosted zone."""

    def __init__(self, route53: Any, name: str, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._name = name.rstrip(".") + "."
        self._zone: _Zone | None = None
        self._lock = asyncio.Lock()
        self._changes = Changes(route53, pace, clock)
        self._records = Records(route53, clock)
        self._spreading = Spreading(route53, clock)

    async def point(self, name: str, address: IPv4Address) -> str:
        """The name means the address, as soon as the change is everywhere; the change's id. Idempotent.

        Many at the same moment share one request, and so one id. Raises ChangeRefused when a record of another kind
        is in the way, NoZone, ZoneReplaced and the errors of s4_aws.trouble.
        """
        return await self._change("UPSERT", _record(name, address))

    async def take_out(self, name: str, address: IPv4Address | None = None) -> str | None:
        """The name means nothing, as soon as the change is everywhere: its id, or None when there was nothing to do.

        Whoever knows the address that it was pointed at saves looking it up. Idempotent.
        """
        if address is not None:
            with suppress(ChangeRefused):  # it means something else, or nothing: look
                return await self._change("DELETE", _record(name, address))
        for _ in range(_TRIES):
            records = [found for found in await self._read({plain(name)}) if found["Type"] == "A"]
            if not records:
                return None
            with suppress(ChangeRefused):  # deleted by an attempt whose answer was lost, or changed: look again
                return await self._change("DELETE", records[0])
        raise NameUnsettled("dns-name-unsettled", name=name)

    async def look(self, names: Iterable[str]) -> dict[str, Found]:
        """What stands in the zone under each of these names, as Route 53 keeps it; a few requests, however many."""
        wanted = {plain(name): name for name in names}
        found: dict[str, list[Record]] = {name: [] for name in wanted}
        for record in await self._read(set(wanted)):
            found[plain(record["Name"])].append(record)
        return {name: _found(found[written]) for written, name in wanted.items()}

    async def below(self, domain: str) -> dict[str, Found]:
        """Everything that stands in the zone under names below this one, by name."""
        found: dict[str, list[Record]] = {}
        async with self._present() as zone:
            async for record in self._records.below(zone.id, domain):
                found.setdefault(plain(record["Name"]), []).append(record)
        return {name: _found(records) for name, records in found.items()}

    async def drift(self, wanted: Mapping[str, IPv4Address | None]) -> dict[str, Found]:
        """The names that do not mean what they should (None: nothing), with what they mean instead."""
        seen = await self.look(wanted)
        return {name: found for name, found in seen.items() if not found.means(wanted[name])}

    async def is_everywhere(self, change: str) -> bool | None:
        """Whether all of the zone's name servers answer with the change; None when nobody knows of it any more."""
        return await self._spreading.is_everywhere(change)

    async def id(self) -> str:
        """The zone's id. Raises NoZone."""
        return (await self._known()).id

    async def _known(self) -> _Zone:
        async with self._lock:
            if self._zone is None:
                with aws_errors():
                    answer = await self._route53.list_hosted_zones_by_name(DNSName=self._name, MaxItems="10")
                found = [
                    _Zone(zone["Id"], zone.get("ResourceRecordSetCount", 0))
                    for zone in answer["HostedZones"]
                    if zone["Name"] == self._name and not zone.get("Config", {}).get("PrivateZone")
                ]
                if not found:
                    raise NoZone("no-hosted-zone", zone=self._name)
                self._zone = found[0]
            return self._zone

    @asynccontextmanager
    async def _present(self) -> AsyncIterator[_Zone]:
        """The zone; if it turns out to be gone, it is looked up again the next time."""
        zone = await self._known()
        try:
            yield zone
        except ZoneReplaced:
            if self._zone == zone:
                self._zone = None
            raise

    async def _change(self, action: Action, record: Record) -> str:
        async with self._present() as zone:
            return await self._changes.make(zone.id, action, record)

    async def _read(self, names: set[str]) -> list[Record]:
        if not names:
            return []
        async with self._present() as zone:
            return await self._records.of(zone.id, names, zone.size)


def _record(name: str, address: IPv4Address) -> Record:
    return {"Name": name, "Type": "A", "TTL": _TTL_SECONDS, "ResourceRecords": [{"Value": str(address)}]}


def _found(records: list[Record]) -> Found:
    mine = [record for record in records if record["Type"] == "A"]
    values = [value["Value"] for record in mine for value in record.get("ResourceRecords", ())]
    return Found(
        addresses=tuple(sorted(map(IPv4Address, values))),
        ttl=mine[0].get("TTL") if mine else None,
        others=tuple(sorted(record["Type"] for record in records if record["Type"] != "A")),
    )

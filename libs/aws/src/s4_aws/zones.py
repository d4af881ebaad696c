"""Grids' names in DNS."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

import msgspec

from s4_aws.changes import Action, ChangeRefused, Changes, ZoneReplaced
from s4_aws.pace import Pace
from s4_aws.spreading import Spreading
from s4_aws.trouble import aws_errors
from s4_runtime import Clock, Permanent, Temporary

__all__ = ["ChangeRefused", "Found", "NameUnsettled", "NoZone", "Zone", "ZoneReplaced"]

_TTL_SECONDS = 60  # a grid that moves is found again within a minute
_PAGE = 300  # ListResourceRecordSets, MaxItems
_ONE_BY_ONE = 3  # more names than this are read with the whole zone
_FEW = 10  # records of one name
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


class Zone:
    """One hosted zone."""

    def __init__(self, route53: Any, name: str, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._name = name.rstrip(".") + "."
        self._id: str | None = None
        self._lock = asyncio.Lock()
        self._changes = Changes(route53, pace, clock)
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
            records = [found for found in await self._records({_plain(name)}) if found["Type"] == "A"]
            if not records:
                return None
            with suppress(ChangeRefused):  # deleted by an attempt whose answer was lost, or changed: look again
                return await self._change("DELETE", records[0])
        raise NameUnsettled("dns-name-unsettled", name=name)

    async def look(self, names: Iterable[str]) -> dict[str, Found]:
        """What stands in the zone under each of these names, as Route 53 keeps it; a few requests, however many."""
        wanted = {_plain(name): name for name in names}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
        for record in await self._records(set(wanted)):
            found[_plain(record["Name"])].append(record)
        return {name: _found(found[plain]) for plain, name in wanted.items()}

    async def drift(self, wanted: Mapping[str, IPv4Address | None]) -> dict[str, Found]:
        """The names that do not mean what they should (None: nothing), with what they mean instead."""
        seen = await self.look(wanted)
        return {name: found for name, found in seen.items() if not found.means(wanted[name])}

    async def is_everywhere(self, change: str) -> bool | None:
        """Whether all of the zone's name servers answer with the change; None when nobody knows of it any more."""
        return await self._spreading.is_everywhere(change)

    async def id(self) -> str:
        """The zone's id. Raises NoZone."""
        async with self._lock:
            if self._id is None:
                with aws_errors():
                    answer = await self._route53.list_hosted_zones_by_name(DNSName=self._name, MaxItems="10")
                found = [
                    zone["Id"]
                    for zone in answer["HostedZones"]
                    if zone["Name"] == self._name and not zone.get("Config", {}).get("PrivateZone")
                ]
                if not found:
                    raise NoZone("no-hosted-zone", zone=self._name)
                self._id = found[0]
            return self._id

    async def _change(self, action: Action, record: dict[str, Any]) -> str:
        zone = await self.id()
        try:
            return await self._changes.make(zone, action, record)
        except ZoneReplaced:
            self._id = None
            raise

    async def _records(self, names: set[str]) -> list[dict[str, Any]]:
        """All records of these names: each by itself if they are few, or else from the first to the last."""
        if len(names) <= _ONE_BY_ONE:
            spans = [(name, name) for name in sorted(names)]
        else:
            spans = [(min(names, key=_place), max(names, key=_place))]
        return [
            found
            for first, last in spans
            async for found in self._between(first, last)
            if _plain(found["Name"]) in names
        ]

    async def _between(self, first: str, last: str) -> AsyncIterator[dict[str, Any]]:
        zone, size = await self.id(), _FEW if first == last else _PAGE
        request: dict[str, Any] | None = {"StartRecordName": first}
        while request:
            answer = await self._listed(zone, MaxItems=str(size), **request)
            for found in answer["ResourceRecordSets"]:
                if _place(found["Name"]) > _place(last):
                    return
                yield found
            kept = ("NextRecordName", "NextRecordType", "NextRecordIdentifier")
            more = {f"Start{name[4:]}": answer[name] for name in kept if name in answer}
            request = more if answer.get("IsTruncated") else None

    async def _listed(self, zone: str, **request: str) -> dict[str, Any]:
        with aws_errors("NoSuchHostedZone"):
            answer: dict[str, Any] = await self._route53.list_resource_record_sets(HostedZoneId=zone, **request)
            return answer
        self._id = None
        raise ZoneReplaced("hosted-zone-replaced", zone=self._name)


def _record(name: str, address: IPv4Address) -> dict[str, Any]:
    return {"Name": name, "Type": "A", "TTL": _TTL_SECONDS, "ResourceRecords": [{"Value": str(address)}]}


def _plain(name: str) -> str:
    return name.rstrip(".").lower()  # as Route 53 writes it


def _place(name: str) -> str:
    """Where a name stands: Route 53 sorts by labels, the last one first, with a dot behind each."""
    return "".join(f"{label}." for label in reversed(_plain(name).split(".")))


def _found(records: list[dict[str, Any]]) -> Found:
    mine = [record for record in records if record["Type"] == "A"]
    values = [value["Value"] for record in mine for value in record.get("ResourceRecords", ())]
    return Found(
        addresses=tuple(sorted(map(IPv4Address, values))),
        ttl=mine[0].get("TTL") if mine else None,
        others=tuple(sorted(record["Type"] for record in records if record["Type"] != "A")),
    )

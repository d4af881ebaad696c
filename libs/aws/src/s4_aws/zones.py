"""Grids' names in DNS."""

import asyncio
from ipaddress import IPv4Address
from typing import Any

from s4_aws.trouble import aws_errors
from s4_runtime import Permanent, Temporary

_TTL_SECONDS = 60  # a grid that moves is found again within a minute


class NoZone(Permanent):
    """The account has no public hosted zone of the configured name."""


class ZoneReplaced(Temporary):
    """The zone that we knew is gone, or not as we knew it; there may be a new one of its name."""


class Zone:
    """One hosted zone."""

    def __init__(self, route53: Any, name: str) -> None:
        self._route53 = route53
        self._name = name.rstrip(".") + "."
        self._id: str | None = None
        self._lock = asyncio.Lock()

    async def point(self, name: str, address: IPv4Address) -> str:
        """The name means the address, as soon as the change is everywhere; the change's id. Idempotent."""
        record = {"Name": name, "Type": "A", "TTL": _TTL_SECONDS, "ResourceRecords": [{"Value": str(address)}]}
        return await self._change("UPSERT", record)

    async def take_out(self, name: str) -> None:
        """The name means nothing, as soon as the change is everywhere. Idempotent."""
        zone, name = await self.id(), name.rstrip(".").lower()  # as Route 53 writes it
        with aws_errors("NoSuchHostedZone"):
            answer = await self._route53.list_resource_record_sets(
                HostedZoneId=zone, StartRecordName=name, StartRecordType="A", MaxItems="1"
            )
            for record in answer["ResourceRecordSets"]:
                if (record["Name"].rstrip("."), record["Type"]) == (name, "A"):
                    # Repeated after a lost answer, a deletion names what is not there any more: look again.
                    await self._change("DELETE", record, "InvalidChangeBatch")
            return
        raise self._replaced()

    async def _change(self, action: str, record: dict[str, Any], *passing: str) -> str:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        zone = await self.id()
        with aws_errors("NoSuchHostedZone", *passing):
            answer = await self._route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
            return str(answer["ChangeInfo"]["Id"])
        raise self._replaced()

    def _replaced(self) -> ZoneReplaced:
        self._id = None
        return ZoneReplaced("hosted-zone-replaced", zone=self._name)

    async def is_everywhere(self, change: str) -> bool | None:
        """Whether all of the zone's name servers answer with the change; None when nobody knows of it any more."""
        with aws_errors("NoSuchChange"):
            answer = await self._route53.get_change(Id=change)
            return bool(answer["ChangeInfo"]["Status"] == "INSYNC")
        return None

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

"""Changes of one hosted zone, gathered: what many ask for at the same moment is one request to Route 53."""

import asyncio
from typing import Any, Literal

import msgspec

from s4_aws.budget import patience
from s4_aws.pace import Pace
from s4_aws.rates import DNS_CHANGES
from s4_aws.trouble import OutOfTime, aws_errors
from s4_runtime import Clock, Permanent, SystemClock, Temporary, Trouble

_GATHERING_SECONDS = 0.05
# "Quotas" (Route 53 Developer Guide): 1,000 records and 32,000 characters of values in a request, an UPSERT's twice.
_MOST = 1000
_BAD = ("InvalidChangeBatch", "InvalidInput", "InvalidDomainName")
_COST = {"UPSERT": 2, "CREATE": 1, "DELETE": 1}
Action = Literal["UPSERT", "CREATE", "DELETE"]


class ChangeRefused(Permanent):
    """Route 53 does not take this change: what is to be deleted is not there, or another record is in the way."""


class ZoneReplaced(Temporary):
    """The zone that we knew is gone, or not as we knew it; there may be a new one of its name."""


class _Wanted(msgspec.Struct, eq=False):
    """A change that somebody waits for."""

    action: Action
    record: dict[str, Any]
    since: float
    done: str | Trouble | None = None

    @property
    def name(self) -> tuple[str, str]:
        """What it changes."""
        return self.record["Name"].rstrip(".").lower(), self.record["Type"]


class Changes:
    """A line of changes. Whoever stands at its head sends what has gathered behind it, for all of them."""

    def __init__(self, route53: Any, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._pace = pace
        self._clock = clock or SystemClock()
        self._line: list[_Wanted] = []
        self._head = asyncio.Lock()  # Route 53 takes one request after the other for a zone (PriorRequestNotComplete)

    async def make(self, zone: str, action: Action, record: dict[str, Any]) -> str:
        """The id of the request with which the change was made.

        Raises ChangeRefused, ZoneReplaced and the errors of s4_aws.trouble. A change that Route 53 refuses does not
        hinder those that were gathered with it; two of one name are made one after the other.
        """
        mine = _Wanted(action, record, self._clock.monotonic())
        self._line.append(mine)
        try:
            async with self._head:
                if mine.done is None:
                    await self._lead(zone, mine)
        finally:
            if mine in self._line:
                self._line.remove(mine)
        if isinstance(mine.done, str):
            return mine.done
        raise mine.done or Temporary("dns-change-not-made")

    async def _lead(self, zone: str, mine: _Wanted) -> None:
        rest = mine.since + _GATHERING_SECONDS - self._clock.monotonic()
        if rest > 0:  # who waited behind another request has gathered enough
            await self._clock.sleep(rest)
        try:
            await self._send(zone, self._batch())
        except OutOfTime:
            if mine.done is None:
                raise

    def _batch(self) -> list[_Wanted]:
        """Those at the head of the line that fit into one request, no name twice."""
        batch: list[_Wanted] = []
        names: set[tuple[str, str]] = set()
        room = _MOST
        for wanted in self._line:
            if wanted.name in names:
                continue
            names.add(wanted.name)
            if (room := room - _COST[wanted.action]) < 0:
                break
            batch.append(wanted)
        return batch

    async def _send(self, zone: str, batch: list[_Wanted]) -> None:
        """Everything in the batch is made or refused, unless the time of its sender ran out: then it stays in line."""
        try:
            if self._pace:
                cost = sum(_COST[wanted.action] for wanted in batch)
                await self._pace.take_some("route53-changes", DNS_CHANGES, cost, patience())
            done: str | Trouble | None = await self._change(zone, batch)
        except OutOfTime:
            raise
        except (Temporary, Permanent) as trouble:
            done = trouble
        if done is None and len(batch) > 1:  # one of them is bad: Route 53 makes all changes of a request, or none
            half = len(batch) // 2
            await self._send(zone, batch[:half])
            await self._send(zone, batch[half:])
            return
        for wanted in batch:
            wanted.done = done or ChangeRefused("dns-change-refused", name=wanted.name[0])
            self._line.remove(wanted)

    async def _change(self, zone: str, batch: list[_Wanted]) -> str | None:
        changes = [{"Action": wanted.action, "ResourceRecordSet": wanted.record} for wanted in batch]
        with aws_errors(*_BAD, "NoSuchHostedZone") as ended:
            answer = await self._route53.change_resource_record_sets(
                HostedZoneId=zone, ChangeBatch={"Changes": changes}
            )
            return str(answer["ChangeInfo"]["Id"])
        if ended.code == "NoSuchHostedZone":
            raise ZoneReplaced("hosted-zone-replaced")
        return None

"""Changes of one hosted zone, gathered: what many ask for at the same moment is one request to Route 53."""

from functools import partial
from typing import Any, Literal

from s4_aws.budget import patience
from s4_aws.gathering import Line, Wish
from s4_aws.pace import Pace
from s4_aws.rates import DNS_CHANGES
from s4_aws.trouble import OutOfTime, aws_errors
from s4_runtime import Clock, Permanent, Temporary, Trouble

# "Quotas" (Route 53 Developer Guide): 1,000 records and 32,000 characters of values in a request, an UPSERT's twice.
_MOST = 1000
_COST = {"UPSERT": 2, "CREATE": 1, "DELETE": 1}
_BAD = ("InvalidChangeBatch", "InvalidInput", "InvalidDomainName")
Action = Literal["UPSERT", "CREATE", "DELETE"]


class ChangeRefused(Permanent):
    """Route 53 does not take this change: what is to be deleted is not there, or another record is in the way."""


class ZoneReplaced(Temporary):
    """The zone that we knew is gone, or not as we knew it; there may be a new one of its name."""


class _Change(Wish[str]):
    """A change that somebody waits for; the answer is the id of the request."""

    action: Action
    record: dict[str, Any]

    @property
    def name(self) -> tuple[str, str]:
        """What it changes."""
        return self.record["Name"].rstrip(".").lower(), self.record["Type"]


class Changes:
    """A line of changes. Route 53 takes one request after the other for a zone (PriorRequestNotComplete)."""

    def __init__(self, route53: Any, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._pace = pace
        self._line: Line[_Change] = Line(clock)

    async def make(self, zone: str, action: Action, record: dict[str, Any]) -> str:
        """The id of the request with which the change was made.

        Raises ChangeRefused, ZoneReplaced and the errors of s4_aws.trouble. A change that Route 53 refuses does not
        hinder those that were gathered with it; two of one name are made one after the other.
        """
        change = _Change(action=action, record=record)
        await self._line.stand(change, partial(self._send_first, zone))
        return str(change.answer)

    async def _send_first(self, zone: str, line: list[_Change]) -> None:
        await self._send(zone, _batch(line))

    async def _send(self, zone: str, batch: list[_Change]) -> None:
        """Everything in the batch is made or refused, unless the time of its sender runs out."""
        answer: str | None = None
        trouble: Trouble | None = None
        try:
            if self._pace:
                cost = sum(_COST[change.action] for change in batch)
                await self._pace.take_some("route53-changes", DNS_CHANGES, cost, patience())
            answer = await self._make(zone, batch)
        except OutOfTime:
            raise
        except (Temporary, Permanent) as raised:
            trouble = raised
        if answer is None and trouble is None and len(batch) > 1:
            half = len(batch) // 2  # one of them is bad: Route 53 makes all changes of a request, or none
            await self._send(zone, batch[:half])
            await self._send(zone, batch[half:])
            return
        for change in batch:
            change.answer = answer
            if answer is None:
                change.trouble = trouble or ChangeRefused("dns-change-refused", name=change.name[0])

    async def _make(self, zone: str, batch: list[_Change]) -> str | None:
        changes = [{"Action": change.action, "ResourceRecordSet": change.record} for change in batch]
        with aws_errors(*_BAD, "NoSuchHostedZone") as ended:
            answer = await self._route53.change_resource_record_sets(
                HostedZoneId=zone, ChangeBatch={"Changes": changes}
            )
            return str(answer["ChangeInfo"]["Id"])
        if ended.code == "NoSuchHostedZone":
            raise ZoneReplaced("hosted-zone-replaced")
        return None


def _batch(line: list[_Change]) -> list[_Change]:
    """Those at the head of the line that fit into one request, no name twice."""
    batch: list[_Change] = []
    names: set[tuple[str, str]] = set()
    room = _MOST
    for change in line:
        if change.name in names:
            continue
        names.add(change.name)
        if (room := room - _COST[change.action]) < 0:
            break
        batch.append(change)
    return batch

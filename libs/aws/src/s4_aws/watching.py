"""What EC2's own checks say of machines, for many at a time."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from s4_aws.trouble import aws_errors

Check = Literal["ok", "impaired", "unknown"]
_NAMED = 100  # ids of DescribeInstanceStatus (EC2 API); results of a page are up to a thousand
_PAGE = 1000
_UNKNOWN = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")
_DONE = ("[Completed]", "[Canceled]")  # how EC2 begins the description of an event that is over


class ScheduledEvent(msgspec.Struct, frozen=True):
    """What EC2 is going to do with a machine: ``instance-retirement``, ``system-reboot`` and the like."""

    code: str
    not_before: datetime | None


class Status(msgspec.Struct, frozen=True):
    """EC2's checks. A machine that just started is ``unknown`` for some minutes, as is one that does not run."""

    system: Check
    instance: Check
    disks: Check
    events: tuple[ScheduledEvent, ...] = ()

    @property
    def is_impaired(self) -> bool:
        """Whether a check fails: the hardware below, the machine itself, or its disks."""
        return "impaired" in {self.system, self.instance, self.disks}


class Watching:
    """The checks of one account and region."""

    _ec2: Any

    async def status(self, ids: Iterable[str]) -> dict[str, Status]:
        """The status of these instances; those that EC2 does not know are missing.

        Few are asked for by name. For many, all machines of the region are read, a thousand at a time.
        """
        wanted = set(ids)
        if not wanted:
            return {}
        if len(wanted) <= _NAMED:
            with aws_errors(*_UNKNOWN):
                answer = await self._ec2.describe_instance_status(InstanceIds=sorted(wanted), IncludeAllInstances=True)
                return _statuses(answer)
        found: dict[str, Status] = {}
        async for page in self._status_pages():
            found |= {each: status for each, status in _statuses(page).items() if each in wanted}
        return found

    async def _status_pages(self) -> AsyncIterator[dict[str, Any]]:
        with aws_errors():
            pages = self._ec2.get_paginator("describe_instance_status").paginate(
                IncludeAllInstances=True, PaginationConfig={"PageSize": _PAGE}
            )
            async for page in pages:
                yield page


def _statuses(answer: dict[str, Any]) -> dict[str, Status]:
    return {each["InstanceId"]: _status(each) for each in answer["InstanceStatuses"]}


def _status(found: dict[str, Any]) -> Status:
    return Status(
        system=_check(found.get("SystemStatus")),
        instance=_check(found.get("InstanceStatus")),
        disks=_check(found.get("AttachedEbsStatus")),
        events=tuple(
            ScheduledEvent(event["Code"], _in_utc(event.get("NotBefore")))
            for event in found.get("Events", ())
            if not str(event.get("Description", "")).startswith(_DONE)
        ),
    )


def _in_utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time else None


def _check(found: dict[str, Any] | None) -> Check:
    match (found or {}).get("Status"):
        case "ok":
            return "ok"
        case "impaired":
            return "impaired"
        case _:
            return "unknown"

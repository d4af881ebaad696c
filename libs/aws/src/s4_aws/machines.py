"""Machines of one region: EC2 instances that are found again by what they were asked for."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any, Literal

import msgspec

from s4_aws.surroundings import Surroundings
from s4_aws.trouble import aws_errors
from s4_aws.watching import Watching

State = Literal["alive", "ending", "gone"]
LAUNCH_TAG = "s4:launch"
_STATES: Mapping[str, State] = {
    "pending": "alive",
    "running": "alive",
    "shutting-down": "ending",
    "stopping": "ending",
    "stopped": "ending",
    "terminated": "gone",
}
_HOPS = 1  # the metadata service answers the machine itself, not what it may route for
_AT_ONCE = 1000  # ids of DescribeInstances and TerminateInstances, results of a page (EC2 API)
_FILTERED = 200  # values of one filter (EC2 API, "Filter your resources")
_UNKNOWN = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


class LaunchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a machine is asked for with. The same request is the same machine.

    ``token``: at most 64 characters; another request needs another one. ``tags`` are opaque ids: AWS and whoever may
    look at the account can read them. ``subnet`` decides on the zone where both are given.
    """

    token: str
    image: str
    root_device: str
    instance_type: str
    disk_gib: int
    security_groups: tuple[str, ...]
    user_data: str
    tags: dict[str, str]
    zone: str | None = None
    subnet: str | None = None


class Seen(msgspec.Struct, frozen=True):
    """What EC2 says of an instance. ``ending`` is neither of use nor paid back: it is on its way out, or stopped."""

    state: State
    address: IPv4Address | None
    zone: str
    launched_at: datetime
    instance_type: str
    tags: dict[str, str]


class Instance(msgspec.Struct, frozen=True):
    """An instance that was asked for."""

    id: str
    seen: Seen


class Machines(Surroundings, Watching):
    """Instances of one account and region, what they are started with, and what EC2's own checks say of them."""

    def __init__(self, ec2: Any) -> None:
        self._ec2 = ec2

    async def launch(self, request: LaunchRequest) -> Instance:
        """The machine of this request, started now or by an earlier attempt, whatever became of it since.

        Idempotent by client token (EC2 API, "Ensuring idempotency"), and by tag for as long as EC2 lists the machine,
        which is an hour after its end. Raises NoCapacity, QuotaReached, NoSuchImage, NoSuchType, NotInZone, NotThere
        (a group or subnet that is gone) and the other errors of s4_aws.trouble.
        """
        if found := await self.by_tag({LAUNCH_TAG: request.token}):
            return min((Instance(each, seen) for each, seen in found.items()), key=_liveliest)
        with aws_errors():
            answer = await self._ec2.run_instances(**_asked(request))
        return _instance(answer["Instances"][0])

    async def look(self, ids: Iterable[str]) -> dict[str, Seen]:
        """How these instances are. EC2 does not know those that are missing: not any more, or just after a launch."""
        found: dict[str, Seen] = {}
        for some in _slices(sorted(set(ids)), _AT_ONCE):
            with aws_errors(*_UNKNOWN):
                found |= _all_seen(await self._ec2.describe_instances(InstanceIds=some))
                continue
            for few in _slices(some, _FILTERED):  # one that EC2 does not know fails them all: a filter does not
                found |= await self._filtered({"instance-id": few})
        return found

    async def by_tag(self, tags: Mapping[str, str], states: Sequence[State] | None = None) -> dict[str, Seen]:
        """Every instance that has all of these tags, with these values, in one of these states."""
        wanted = {f"tag:{key}": [value] for key, value in tags.items()}
        if states is not None:
            wanted["instance-state-name"] = [name for name, state in _STATES.items() if state in states]
        return await self._filtered(wanted)

    async def tag(self, ids: Iterable[str], tags: Mapping[str, str]) -> None:
        """The machines have these tags, beside others."""
        with aws_errors():
            await self._ec2.create_tags(
                Resources=sorted(ids), Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())]
            )

    async def terminate(self, ids: Iterable[str]) -> None:
        """They are going to be terminated, which takes a minute. Idempotent; EC2 need not know them any more."""
        for some in _slices(sorted(set(ids)), _AT_ONCE):
            with aws_errors(*_UNKNOWN):
                await self._ec2.terminate_instances(InstanceIds=some)
                continue
            if known := sorted(await self.look(some)):  # EC2 refuses a whole set for one that it does not know
                with aws_errors(*_UNKNOWN):
                    await self._ec2.terminate_instances(InstanceIds=known)

    async def _filtered(self, wanted: Mapping[str, list[str]]) -> dict[str, Seen]:
        filters = [{"Name": name, "Values": values} for name, values in wanted.items()]
        found: dict[str, Seen] = {}
        async for page in self._pages(Filters=filters):
            found |= _all_seen(page)
        return found

    async def _pages(self, **request: Any) -> AsyncIterator[dict[str, Any]]:
        with aws_errors():
            pages = self._ec2.get_paginator("describe_instances").paginate(
                **request, PaginationConfig={"PageSize": _AT_ONCE}
            )
            async for page in pages:
                yield page


def _asked(request: LaunchRequest) -> dict[str, Any]:
    tags = request.tags | {LAUNCH_TAG: request.token}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    disk = {"VolumeSize": request.disk_gib, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    place = {"Placement": {"AvailabilityZone": request.zone}} if request.zone and not request.subnet else {}
    subnet = {"SubnetId": request.subnet} if request.subnet else {}
    return {
        "ClientToken": request.token,
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": request.image,
        "InstanceType": request.instance_type,
        "SecurityGroupIds": list(request.security_groups),
        "UserData": request.user_data,
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": _HOPS},
        "BlockDeviceMappings": [{"DeviceName": request.root_device, "Ebs": disk}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": pairs} for kind in ("instance", "volume")],
        **place,
        **subnet,
    }


def _all_seen(answer: dict[str, Any]) -> dict[str, Seen]:
    return {each["InstanceId"]: _seen(each) for group in answer["Reservations"] for each in group["Instances"]}


def _instance(found: dict[str, Any]) -> Instance:
    return Instance(found["InstanceId"], _seen(found))


def _seen(found: dict[str, Any]) -> Seen:
    address = found.get("PublicIpAddress")
    return Seen(
        state=_STATES.get(found["State"]["Name"], "ending"),
        address=IPv4Address(address) if address else None,
        zone=found.get("Placement", {}).get("AvailabilityZone", ""),
        launched_at=found["LaunchTime"].astimezone(UTC),
        instance_type=found["InstanceType"],
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
    )


def _liveliest(instance: Instance) -> tuple[int, datetime, str]:
    return ("alive", "ending", "gone").index(instance.seen.state), instance.seen.launched_at, instance.id


def _slices(ids: list[str], size: int) -> list[list[str]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]

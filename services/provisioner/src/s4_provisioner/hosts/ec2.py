"""Hosts on EC2."""

import asyncio
from ipaddress import IPv4Address
from typing import Any, Literal

import msgspec
from botocore.exceptions import ClientError

from s4_aws.trouble import NotThere, aws_errors, code_of
from s4_contracts.ids import GridId
from s4_provisioner import names
from s4_provisioner.grids import Host, Launch
from s4_provisioner.hosts.user_data import public_half
from s4_provisioner.node_files import INTRODUCER_PORT, STORAGE_PORT
from s4_provisioner.settings import Settings
from s4_runtime import Permanent, Temporary

_ALIVE = ("pending", "running")
_UNTERMINATED = (*_ALIVE, "shutting-down", "stopping", "stopped")
_COMMON_SECONDS = 300.0  # a new image is used for new machines within minutes, without a restart
_HOPS = 1  # the metadata service answers the machine itself, not what it may route for


class NoImage(Permanent):
    """The account has no image of the configured name."""


class ProfileNotVisible(Temporary):
    """EC2 does not know the new instance profile yet; IAM takes some seconds to spread."""


class PlanOutdated(Temporary):
    """The image or the group of the plan is gone. Nothing was launched: plan again."""


class Machine(msgspec.Struct, frozen=True):
    """What EC2 says of a host's instance."""

    instance_id: str
    state: Literal["alive", "gone"]
    address: IPv4Address | None


class Ec2Hosts:
    """Machines of one account and region."""

    def __init__(self, ec2: Any, settings: Settings) -> None:
        self._ec2 = ec2
        self._settings = settings
        self._authorized_key = public_half(settings.ssh_key)
        self._lock = asyncio.Lock()
        self._common: tuple[str, str, str] | None = None
        self._common_until = 0.0

    async def plan(self, instance_profile: str) -> Launch:
        """All that a machine is asked for with, except its key: from now on fixed for this machine.

        Raises NoImage and the errors of aws.trouble.
        """
        image, root, group = await self.common()
        return Launch(
            image=image,
            root_device=root,
            instance_type=self._settings.instance_type,
            disk_gib=self._settings.disk_gib,
            security_group=group,
            instance_profile=instance_profile,
            user=self._settings.host_user,
            authorized_key=self._authorized_key,
        )

    async def common(self) -> tuple[str, str, str]:
        """What all machines are started with: image, its root device, security group. Looked up now and then."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._common is None or now > self._common_until:
                (image, root), group = await asyncio.gather(self._image(), self._security_group())
                self._common, self._common_until = (image, root, group), now + _COMMON_SECONDS
            return self._common

    async def launch(self, grid: GridId, host: Host, launch: Launch, user_data: str) -> Machine:
        """The host's machine, started now or by an earlier attempt.

        Idempotent by client token (EC2 API, "Ensuring idempotency"), and by tag for as long as the machine lives.
        Raises NoCapacity, QuotaReached, ProfileNotVisible, PlanOutdated and the errors of aws.trouble.
        """
        for machine in await self.machines(host):
            if machine.state == "alive":
                return machine
        try:
            with aws_errors():
                answer = await self._run(self._request(grid, host, launch, user_data))
        except NotThere:
            self._common = None
            raise PlanOutdated("launch-plan-outdated") from None
        return _machine(answer["Instances"][0])

    async def machines(self, host: Host) -> list[Machine]:
        """Every instance that was started for this host's present generation, found by tag."""
        wanted: dict[str, list[str]] = {"tag:s4:host": [host.id], "tag:s4:generation": [str(host.generation)]}
        return [_machine(each) for each in await self._instances(wanted)]

    async def look(self, instance_id: str) -> Machine | None:
        """How the instance is; None when EC2 does not know it (any more, or just after its launch not yet)."""
        with aws_errors("InvalidInstanceID.NotFound"):
            answer = await self._ec2.describe_instances(InstanceIds=[instance_id])
            for group in answer["Reservations"]:
                for each in group["Instances"]:
                    return _machine(each)
        return None

    async def terminate(self, host: Host) -> None:
        """No machine of the host's present generation lives on. Idempotent."""
        found = {machine.instance_id for machine in await self.machines(host)}
        found |= {host.instance_id} if host.instance_id else set()
        await self.terminate_all(sorted(found))

    async def unterminated(self, grid: GridId) -> list[str]:
        """Every instance that was started for the grid, on whatever host, and is not terminated; found by tag."""
        wanted: dict[str, list[str]] = {"tag:s4:grid": [grid], "instance-state-name": [*_UNTERMINATED]}
        return [each["InstanceId"] for each in await self._instances(wanted)]

    async def terminate_all(self, instance_ids: list[str]) -> None:
        """They are going to be terminated, which takes a minute. Idempotent."""
        for instance_id in instance_ids:  # one by one: EC2 refuses a whole set for one that it does not know
            with aws_errors("InvalidInstanceID.NotFound"):
                await self._ec2.terminate_instances(InstanceIds=[instance_id])

    async def _instances(self, wanted: dict[str, list[str]]) -> list[dict[str, Any]]:
        filters = [{"Name": name, "Values": values} for name, values in wanted.items()]
        with aws_errors():
            answer = await self._ec2.describe_instances(Filters=filters)
        return [each for group in answer["Reservations"] for each in group["Instances"]]

    async def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._ec2.run_instances(**request)
        except ClientError as error:
            # EC2 has no code of its own for this (EC2 "Error codes", InvalidParameterValue).
            if code_of(error) == "InvalidParameterValue" and "instance profile" in str(error).lower():
                raise ProfileNotVisible("instance-profile-not-visible") from None
            raise
        return answer

    def _request(self, grid: GridId, host: Host, launch: Launch, user_data: str) -> dict[str, Any]:
        tags = names.tags(self._settings.deployment, grid, host.id) | {"s4:generation": str(host.generation)}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        disk = {"VolumeSize": launch.disk_gib, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
        return {
            "ClientToken": names.client_token(host.id, host.generation),
            "MinCount": 1,
            "MaxCount": 1,
            "ImageId": launch.image,
            "InstanceType": launch.instance_type,
            "SecurityGroupIds": [launch.security_group],
            "IamInstanceProfile": {"Name": launch.instance_profile},
            "UserData": user_data,
            "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": _HOPS},
            "BlockDeviceMappings": [{"DeviceName": launch.root_device, "Ebs": disk}],
            "TagSpecifications": [{"ResourceType": kind, "Tags": pairs} for kind in ("instance", "volume")],
        }

    async def _image(self) -> tuple[str, str]:
        """The newest image of the name, and its root device."""
        with aws_errors():
            answer = await self._ec2.describe_images(
                Owners=["self"], Filters=[{"Name": "name", "Values": [self._settings.ami_name]}]
            )
        found = [image for image in answer["Images"] if image.get("State", "available") == "available"]
        if not found:
            raise NoImage("no-machine-image", image=self._settings.ami_name)
        newest = max(found, key=lambda image: (image.get("CreationDate", ""), image["ImageId"]))
        return newest["ImageId"], newest.get("RootDeviceName") or "/dev/xvda"

    async def _security_group(self) -> str:
        """The deployment's group with all of its rules, made if need be, also when several make it at once."""
        group = await self._find_group() or await self._make_group()
        anywhere = {"CidrIp": "0.0.0.0/0"}
        rules = [
            (self._settings.ssh_port, {"CidrIp": self._settings.ssh_from}),
            (INTRODUCER_PORT, anywhere),
            (STORAGE_PORT, anywhere),
        ]
        for port, source in rules:  # one by one: EC2 refuses a whole set for one rule that is there already
            rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [source]}
            with aws_errors("InvalidPermission.Duplicate"):
                await self._ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        return group

    async def _find_group(self) -> str | None:
        filters = [{"Name": "group-name", "Values": [names.security_group(self._settings.deployment)]}]
        with aws_errors():
            answer = await self._ec2.describe_security_groups(Filters=filters)
        return min((group["GroupId"] for group in answer["SecurityGroups"]), default=None)

    async def _make_group(self) -> str:
        tags = [{"Key": "s4:deployment", "Value": self._settings.deployment}]
        with aws_errors("InvalidGroup.Duplicate"):
            answer = await self._ec2.create_security_group(
                GroupName=names.security_group(self._settings.deployment),
                Description="Hosts of grids",
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )
            return str(answer["GroupId"])
        group = await self._find_group()
        if group is None:
            raise Temporary("security-group-not-visible")
        return group


def _machine(instance: dict[str, Any]) -> Machine:
    address = instance.get("PublicIpAddress")
    return Machine(
        instance["InstanceId"],
        "alive" if instance["State"]["Name"] in _ALIVE else "gone",
        IPv4Address(address) if address else None,
    )

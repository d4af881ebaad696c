"""What machines are started with: an image, and a security group with its rules."""

from typing import Any

import msgspec

from s4_aws.trouble import NoSuchImage, aws_errors
from s4_runtime import Temporary


class Image(msgspec.Struct, frozen=True):
    """A machine image. ``created`` is its creation date as EC2 writes it, which sorts by time.

    ``signature`` is the tag s4:signature; what it is worth is for whoever starts machines to say.
    """

    id: str
    root_device: str
    name: str
    created: str
    signature: str = ""


class Rule(msgspec.Struct, frozen=True, order=True):
    """Who may come in: the addresses of ``source`` (CIDR) at the TCP ports from ``first`` to ``last``."""

    first: int
    last: int
    source: str = "0.0.0.0/0"


class GroupNotVisible(Temporary):
    """The group is made and not to be found yet; EC2 takes some seconds to spread."""


class Surroundings:
    """Images and groups of one account and region."""

    _ec2: Any

    async def image(self, name: str) -> Image:
        """The newest available image of our own of that name, in which ``*`` means anything. Raises NoSuchImage."""
        with aws_errors():
            answer = await self._ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])
        images = [
            Image(
                id=found["ImageId"],
                root_device=found.get("RootDeviceName") or "/dev/xvda",
                name=found.get("Name", ""),
                created=found.get("CreationDate", ""),
                signature=next((tag["Value"] for tag in found.get("Tags", []) if tag["Key"] == "s4:signature"), ""),
            )
            for found in answer["Images"]
            if found.get("State", "available") == "available"
        ]
        if not images:
            raise NoSuchImage("no-machine-image", image=name)
        return max(images, key=lambda image: (image.created, image.id))

    async def security_group(
        self, name: str, rules: tuple[Rule, ...], tags: dict[str, str], vpc: str | None = None
    ) -> str:
        """The id of the group of this name, which lets in exactly these by TCP and IPv4.

        Idempotent, also when several make it at once.
        """
        found = await self._find(name, vpc) or await self._make(name, tags, vpc)
        has = _rules(found)
        for rule in sorted(set(rules) - has):  # one by one: EC2 refuses a whole set for one rule that is there already
            with aws_errors("InvalidPermission.Duplicate"):
                await self._ec2.authorize_security_group_ingress(GroupId=found["GroupId"], IpPermissions=[_told(rule)])
        for rule in sorted(has - set(rules)):
            with aws_errors("InvalidPermission.NotFound"):
                await self._ec2.revoke_security_group_ingress(GroupId=found["GroupId"], IpPermissions=[_told(rule)])
        return str(found["GroupId"])

    async def _find(self, name: str, vpc: str | None) -> dict[str, Any] | None:
        filters = [{"Name": "group-name", "Values": [name]}]
        filters += [{"Name": "vpc-id", "Values": [vpc]}] if vpc else []
        with aws_errors():
            answer = await self._ec2.describe_security_groups(Filters=filters)
        found: list[dict[str, Any]] = answer["SecurityGroups"]
        return min(found, key=lambda group: str(group["GroupId"]), default=None)

    async def _make(self, name: str, tags: dict[str, str], vpc: str | None) -> dict[str, Any]:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        place = {"VpcId": vpc} if vpc else {}
        with aws_errors("InvalidGroup.Duplicate"):
            answer = await self._ec2.create_security_group(
                GroupName=name,
                Description="Hosts of grids",
                TagSpecifications=[{"ResourceType": "security-group", "Tags": pairs}],
                **place,
            )
            return {"GroupId": answer["GroupId"]}
        found = await self._find(name, vpc)
        if found is None:
            raise GroupNotVisible("security-group-not-visible")
        return found


def _rules(group: dict[str, Any]) -> set[Rule]:
    return {
        Rule(each["FromPort"], each["ToPort"], source["CidrIp"])
        for each in group.get("IpPermissions", ())
        if each["IpProtocol"] == "tcp"
        for source in each.get("IpRanges", ())
    }


def _told(rule: Rule) -> dict[str, Any]:
    source = [{"CidrIp": rule.source}]
    return {"IpProtocol": "tcp", "FromPort": rule.first, "ToPort": rule.last, "IpRanges": source}

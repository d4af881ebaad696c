"""AWS as the commands of clusters need it: what is there, asked for directly, and two buckets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader
from botocore.session import Session

from s4_runtime import Permanent, Temporary

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})

# AWS's description of its own services, which is megabytes, is read once in a process.
_DESCRIPTIONS = create_loader()


class Disk(msgspec.Struct, frozen=True):
    """A volume; ``claim`` is the PersistentVolumeClaim that it was made for, when it was made for one."""

    id: str
    gib: int
    is_encrypted: bool
    claim: str | None


class Machine(msgspec.Struct, frozen=True):
    """An instance, and whether its metadata service answers only who asks by token from the machine itself."""

    id: str
    is_guarded: bool


class Cloud:
    """One account and region; credentials come from the standard chain, AWS_ENDPOINT_URL may lead elsewhere."""

    def __init__(self, region: str, session: Session | None = None) -> None:
        self._session = session or Session()
        self._session.register_component("data_loader", _DESCRIPTIONS)
        self._region = region
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client of a service."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(service, region_name=self._region, config=_CONFIG)
        return self._clients[service]

    def close(self) -> None:
        """No connection is left open."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def require_account(self, account: str) -> None:
        """The credentials are of this account. Raises Permanent."""
        with aws_trouble():
            found = str(self.client("sts").get_caller_identity()["Account"])
        if found != account:
            raise Permanent("wrong-account", spec=account, credentials=found)

    def require_zone(self, name: str) -> str:
        """The id of the public hosted zone of this name. Raises Permanent."""
        with aws_trouble():
            listed = self.client("route53").list_hosted_zones_by_name(DNSName=f"{name}.", MaxItems="10")["HostedZones"]
        for zone in listed:
            if zone["Name"].rstrip(".") == name and not zone.get("Config", {}).get("PrivateZone"):
                return str(zone["Id"]).rpartition("/")[2]
        raise Permanent("no-dns-zone", zone=name, make_it_by="ops/aws/foundation.yaml", see="docs/operations/aws.md")

    def record_values(self, zone: str, name: str) -> list[str]:
        """What the zone says of a name: addresses, or the name of a load balancer."""
        with aws_trouble():
            listed = self.client("route53").list_resource_record_sets(
                HostedZoneId=zone, StartRecordName=name, MaxItems="5"
            )["ResourceRecordSets"]
        mine = [record for record in listed if record["Name"].rstrip(".") == name and record["Type"] in {"A", "CNAME"}]
        plain = [value["Value"] for record in mine for value in record.get("ResourceRecords", ())]
        return plain + [record["AliasTarget"]["DNSName"] for record in mine if "AliasTarget" in record]

    def machines(self, tags: Mapping[str, str]) -> list[Machine]:
        """Instances with these tags that live."""
        filters = [
            *_filters(tags),
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
        with aws_trouble():
            pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
            return [_machine(each) for page in pages for group in page["Reservations"] for each in group["Instances"]]

    def disks(self, tags: Mapping[str, str]) -> list[Disk]:
        """Volumes with these tags."""
        with aws_trouble():
            pages = self.client("ec2").get_paginator("describe_volumes").paginate(Filters=_filters(tags))
            return [_disk(each) for page in pages for each in page["Volumes"]]

    def tagged(self, tags: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Everything in the region that has these tags (an empty value: any), by ARN, with all its tags."""
        filters = [{"Key": key, **({"Values": [value]} if value else {})} for key, value in tags.items()]
        with aws_trouble():
            pages = self.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters)
            listed = [found for page in pages for found in page["ResourceTagMappingList"]]
        return {found["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in found["Tags"]} for found in listed}


def _machine(found: dict[str, Any]) -> Machine:
    options = found.get("MetadataOptions", {})
    guarded = options.get("HttpTokens") == "required" and options.get("HttpPutResponseHopLimit", 64) == 1
    return Machine(found["InstanceId"], guarded)


def _disk(found: dict[str, Any]) -> Disk:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    names = (tags.get("kubernetes.io/created-for/pvc/namespace"), tags.get("kubernetes.io/created-for/pvc/name"))
    claim = "/".join(name for name in names if name) or None
    return Disk(found["VolumeId"], int(found["Size"]), bool(found["Encrypted"]), claim)


def _filters(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]


@contextmanager
def aws_trouble() -> Iterator[None]:
    """AWS's errors become ours: its code, and nothing of its text."""
    try:
        yield
    except ClientError as refused:
        raise Permanent(
            "aws-refused", action=refused.operation_name, reason=str(refused.response["Error"]["Code"])
        ) from None
    except BotoCoreError as trouble:
        raise Temporary("aws-unreachable", kind=type(trouble).__name__) from None

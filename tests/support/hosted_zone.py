"""A hosted zone of the emulated Route 53."""

import uuid
from typing import Any

from support.cloud import LocalCloud


class Zone:
    """A hosted zone of one test."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._route53, self.name = cloud.client("route53"), f"z{uuid.uuid4().hex[:12]}.test"
        made = self._route53.create_hosted_zone(Name=self.name, CallerReference=self.name)
        self._id = made["HostedZone"]["Id"]

    def change(self, action: str, name: str, kind: str, *values: str) -> None:
        """Create, upsert or delete a record."""
        records = [{"Value": value} for value in values]
        record: dict[str, Any] = {"Name": f"{name}.{self.name}", "Type": kind, "TTL": 60, "ResourceRecords": records}
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self._route53.change_resource_record_sets(HostedZoneId=self._id, ChangeBatch=batch)

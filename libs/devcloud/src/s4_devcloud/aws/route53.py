"""moto's Route 53, which refuses to create a record that exists, as the real one does."""

from typing import Any

from moto.route53.exceptions import ResourceRecordAlreadyExists
from moto.route53.models import Route53Backend, route53_backends


class StrictRoute53Backend(Route53Backend):
    """A change batch is refused as a whole when one of its CREATEs names an existing record."""

    def change_resource_record_sets(self, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        """All changes, or a refusal."""
        existing = {_identity(vars(kept)) for kept in self.get_hosted_zone(zoneid).rrsets}
        for change in change_list:
            wanted = {key.lower(): value for key, value in change["ResourceRecordSet"].items()}
            if change["Action"] == "CREATE" and _identity(wanted) in existing:
                raise ResourceRecordAlreadyExists(wanted["name"], wanted["type"])
            if change["Action"] == "DELETE":
                existing.discard(_identity(wanted))
        super().change_resource_record_sets(zoneid, change_list)


def extend() -> None:
    """From now on every account has the strict one."""
    StrictRoute53Backend.__module__ = Route53Backend.__module__  # moto finds its routes by the module's name
    route53_backends.backend = StrictRoute53Backend


def _identity(record: dict[str, Any]) -> tuple[str, str, str]:
    set_identifier = record.get("set_identifier") or record.get("setidentifier") or ""
    return str(record["name"]).strip(".").lower(), str(record["type"]), str(set_identifier)

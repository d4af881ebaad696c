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


def records_of(name: str) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the name is in a zone of any account, and its records; the longest zone that fits has it."""
    zones = [zone for account in list(route53_backends.values()) for zone in _zones(account)]
    fitting = [zone for zone in zones if f".{name}".endswith(f".{str(zone.name).strip('.').lower()}")]
    if not fitting:
        return False, []
    zone = max(fitting, key=lambda each: len(each.name))
    found = [record for record in list(zone.rrsets) if str(record.name).strip(".").lower() == name]
    return True, [{"type": each.type, "ttl": int(each.ttl or 0), "values": list(each.records)} for each in found]


def _zones(account: Any) -> list[Any]:
    return [zone for backend in list(account.values()) for zone in list(backend.zones.values())]


def extend() -> None:
    """From now on every account has the strict one."""
    StrictRoute53Backend.__module__ = Route53Backend.__module__  # moto finds its routes by the module's name
    route53_backends.backend = StrictRoute53Backend


def _identity(record: dict[str, Any]) -> tuple[str, str, str]:
    set_identifier = record.get("set_identifier") or record.get("setidentifier") or ""
    return str(record["name"]).strip(".").lower(), str(record["type"]), str(set_identifier)

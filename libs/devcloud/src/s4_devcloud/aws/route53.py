"""moto's Route 53, which creates no record that exists, deletes none that is otherwise, and keeps aliases alone."""

from typing import Any

from moto.route53.exceptions import ResourceRecordAlreadyExists, Route53ClientError
from moto.route53.models import ChangeList, Route53Backend, route53_backends

Identity = tuple[str, str, str]
Content = tuple[int, frozenset[str]]


class InvalidChangeBatch(Route53ClientError):
    """Nothing of the batch was done."""

    code = "InvalidChangeBatch"


class NoJournal(ChangeList):
    """Remembers no change: moto would look through all of them for each new one."""

    def append(self, item: Any) -> None:
        """Forgotten."""

    def has_insert_or_update(self, new_rr_set: Any) -> bool:  # noqa: ARG002  moto's own signature
        """What may be deleted has been decided before."""
        return True


class StrictRoute53Backend(Route53Backend):
    """A change batch is refused as a whole when a CREATE names a record that exists, or a DELETE one that does not."""

    def create_hosted_zone(self, *args: Any, **kwargs: Any) -> Any:
        """As moto makes it."""
        made = super().create_hosted_zone(*args, **kwargs)
        made.rr_changes = NoJournal()
        return made

    def change_resource_record_sets(self, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        """All changes, or InvalidChangeBatch."""
        existing = {_identity(vars(kept)): _content(vars(kept)) for kept in self.get_hosted_zone(zoneid).rrsets}
        for change in change_list:
            _check(
                change["Action"], {key.lower(): value for key, value in change["ResourceRecordSet"].items()}, existing
            )
        super().change_resource_record_sets(zoneid, change_list)


def _check(action: str, wanted: dict[str, Any], existing: dict[Identity, Content]) -> None:
    """Raises InvalidChangeBatch; otherwise `existing` is as it will be after this change."""
    identity, content = _identity(wanted), _content(wanted)
    if action == "CREATE" and identity in existing:
        raise ResourceRecordAlreadyExists(wanted["name"], wanted["type"])
    if action == "DELETE":
        if identity not in existing:
            raise InvalidChangeBatch(f"Tried to delete {identity[:2]}, but it was not found")
        if existing.pop(identity) != content:
            raise InvalidChangeBatch(
                f"Tried to delete {identity[:2]}, but the values provided are not the current ones"
            )
    else:
        existing[identity] = content
        if _is_ambiguous(identity[0], existing):  # Route 53 Developer Guide, "CNAME record type"
            raise InvalidChangeBatch(f"{identity[:2]} is not permitted: a conflicting record of that name exists")


def _is_ambiguous(name: str, existing: dict[Identity, Content]) -> bool:
    kinds = {kind for named, kind, _ in existing if named == name}
    return "CNAME" in kinds and len(kinds) > 1


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


def _content(record: dict[str, Any]) -> Content:
    values = record.get("records") or record.get("resourcerecords") or []
    texts = frozenset(str(each["Value"]) if isinstance(each, dict) else str(each) for each in values)
    return int(record.get("ttl") or 0), texts

"""Route 53 refuses what the real one refuses."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, code_of


@pytest.fixture
def zone(cloud: LocalCloud) -> tuple[Any, str, str]:
    """A client, a zone's id and its name."""
    route53, name = cloud.client("route53"), f"z{uuid.uuid4().hex[:8]}.test"
    made = route53.create_hosted_zone(Name=name, CallerReference=name)
    return route53, made["HostedZone"]["Id"], name


def change(zone: tuple[Any, str, str], *actions: tuple[str, str], value: str = "127.0.0.9") -> None:
    route53, zone_id, name = zone
    changes = [
        {
            "Action": action,
            "ResourceRecordSet": {
                "Name": f"{label}.{name}",
                "Type": "A",
                "TTL": 60,
                "ResourceRecords": [{"Value": value}],
            },
        }
        for action, label in actions
    ]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def values(zone: tuple[Any, str, str]) -> list[str]:
    records = zone[0].list_resource_record_sets(HostedZoneId=zone[1])["ResourceRecordSets"]
    return [value["Value"] for record in records if record["Type"] == "A" for value in record["ResourceRecords"]]


@pytest.mark.parametrize("second", ["127.0.0.9", "127.0.0.10"])
def test_creating_a_record_that_exists_is_refused_and_changes_nothing(zone: Any, second: str) -> None:
    change(zone, ("CREATE", "grid"))

    with pytest.raises(ClientError) as refused:
        change(zone, ("CREATE", "other"), ("CREATE", "grid"), value=second)

    assert code_of(refused) == "InvalidChangeBatch"
    assert values(zone) == ["127.0.0.9"]


def test_upsert_replaces_and_delete_makes_room(zone: Any) -> None:
    change(zone, ("CREATE", "grid"))
    change(zone, ("UPSERT", "grid"), value="127.0.0.10")
    replaced = values(zone)
    change(zone, ("DELETE", "grid"), value="127.0.0.10")
    change(zone, ("CREATE", "grid"))

    assert (replaced, values(zone)) == (["127.0.0.10"], ["127.0.0.9"])


@pytest.mark.parametrize(("label", "value"), [("nobody", "127.0.0.9"), ("grid", "127.0.0.10")])
def test_deleting_what_is_not_there_or_is_otherwise_is_refused(zone: Any, label: str, value: str) -> None:
    change(zone, ("CREATE", "grid"))

    with pytest.raises(ClientError) as refused:
        change(zone, ("DELETE", label), value=value)

    assert code_of(refused) == "InvalidChangeBatch"
    assert values(zone) == ["127.0.0.9"]


def test_a_name_that_is_an_alias_is_nothing_else(zone: Any) -> None:
    route53, zone_id, name = zone
    alias = {"Name": f"grid.{name}", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.test"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": alias}]}
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)

    with pytest.raises(ClientError) as refused:
        change(zone, ("UPSERT", "grid"))

    assert code_of(refused) == "InvalidChangeBatch"
    assert values(zone) == []

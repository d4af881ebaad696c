"""Names in DNS as another client of the local cloud sees them."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from s4_aws.clients import Clients
from s4_aws.zones import ChangeRefused, Found, NoZone, Zone, ZoneReplaced
from s4_runtime import new_id
from support.grid_cloud import ZONE, Cloud

HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


@pytest.fixture
def zone(clients: Clients) -> Zone:
    return Zone(clients.route53, ZONE, clients.pace)


@pytest.fixture
async def name(cloud: Cloud) -> AsyncIterator[str]:
    """A name that nobody else uses."""
    name = f"g{new_id()}.{ZONE}"
    yield name
    assert cloud.address_of(f"{name}.other") == []


def by_hand(cloud: Cloud, name: str, **record: Any) -> None:
    """Somebody writes a record in the console."""
    route53 = cloud.client("route53")
    zone = route53.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"][0]["Id"]
    told = {"Name": name, "Type": "A", "TTL": 60} | record
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": told}]}
    )


async def test_a_name_means_the_address_that_it_was_given_last(zone: Zone, name: str, cloud: Cloud) -> None:
    await zone.point(name, HERE)
    await zone.point(name, HERE)
    change = await zone.point(name, THERE)

    assert await zone.is_everywhere(change) is True
    assert cloud.address_of(name) == ["192.0.2.2"]


async def test_a_change_that_nobody_knows_of_is_none(zone: Zone) -> None:
    assert await zone.is_everywhere("C2682N5HXP0BZ5") is not False


async def test_a_name_that_is_taken_out_means_nothing_and_its_neighbours_stay(
    zone: Zone, name: str, cloud: Cloud
) -> None:
    neighbour = f"g{name}"
    assert await zone.take_out(name) is None
    await zone.point(name, HERE)
    await zone.point(neighbour, THERE)
    assert await zone.take_out(name)
    assert await zone.take_out(name) is None

    assert cloud.address_of(name) == []
    assert cloud.address_of(neighbour) == ["192.0.2.2"]


@pytest.mark.parametrize("hint", [HERE, THERE, None])
async def test_a_name_is_taken_out_whatever_we_believed_that_it_meant(
    zone: Zone, name: str, cloud: Cloud, hint: IPv4Address | None
) -> None:
    await zone.point(name, HERE)
    assert await zone.take_out(name, hint)
    assert await zone.take_out(name, hint) is None

    assert cloud.address_of(name) == []


async def test_a_name_that_somebody_edited_is_taken_out_too(zone: Zone, name: str, cloud: Cloud) -> None:
    by_hand(cloud, name, TTL=300, ResourceRecords=[{"Value": "192.0.2.7"}, {"Value": "192.0.2.8"}])
    await zone.take_out(name, HERE)

    assert cloud.address_of(name) == []


async def test_a_name_is_taken_out_however_it_was_written(zone: Zone, name: str, cloud: Cloud) -> None:
    await zone.point(name, HERE)
    await zone.take_out(f"{name.upper()}.")

    assert cloud.address_of(name) == []


async def test_many_names_that_are_pointed_in_the_same_moment_are_one_request(zone: Zone, cloud: Cloud) -> None:
    names = [f"g{new_id()}.{ZONE}" for _ in range(50)]
    await zone.id()
    await asyncio.to_thread(cloud.calls)
    changes = await asyncio.gather(*(zone.point(name, HERE) for name in names))

    assert len(set(changes)) == 1
    assert (await asyncio.to_thread(cloud.calls))["route53:ChangeResourceRecordSets"] == 1
    assert await zone.drift(dict.fromkeys(names, HERE)) == {}


async def test_many_names_that_are_taken_out_in_the_same_moment_are_read_together(zone: Zone, cloud: Cloud) -> None:
    names = [f"g{new_id()}.{ZONE}" for _ in range(60)]
    await asyncio.gather(*(zone.point(name, HERE) for name in names))
    await asyncio.to_thread(cloud.calls)
    changes = await asyncio.gather(*(zone.take_out(name) for name in names))

    calls = await asyncio.to_thread(cloud.calls)
    assert None not in changes
    assert calls["route53:ListResourceRecordSets"] <= 8  # the zone has what other tests left
    assert calls["route53:ChangeResourceRecordSets"] <= 2
    assert await zone.drift(dict.fromkeys(names)) == {}


async def test_a_name_that_is_something_else_already_fails_alone(zone: Zone, name: str, cloud: Cloud) -> None:
    class Grumbling:
        """Route 53 with one name that it does not like, which moto has not."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def change_resource_record_sets(self, **request: Any) -> Any:
            for change in request["ChangeBatch"]["Changes"]:
                if change["ResourceRecordSet"]["Name"] == name:
                    request["ChangeBatch"]["Changes"].append({**change, "Action": "CREATE"})
                    break
            return await self._inner.change_resource_record_sets(**request)

        def __getattr__(self, call: str) -> Any:
            return getattr(self._inner, call)

    by_hand(cloud, name, ResourceRecords=[{"Value": "192.0.2.7"}])
    others = [f"g{new_id()}.{ZONE}" for _ in range(6)]
    grumbling = Zone(Grumbling(zone._route53), ZONE)
    results = await asyncio.gather(
        *(grumbling.point(each, HERE) for each in [*others[:3], name, *others[3:]]), return_exceptions=True
    )

    assert [isinstance(each, ChangeRefused) for each in results] == [False] * 3 + [True] + [False] * 3
    assert await zone.drift(dict.fromkeys(others, HERE)) == {}


async def test_looking_finds_what_stands_in_the_zone(zone: Zone, cloud: Cloud) -> None:
    names = [f"g{new_id()}.{ZONE}" for _ in range(6)]
    for name in names[:4]:
        await zone.point(name, HERE)
    by_hand(cloud, names[3], TTL=300, ResourceRecords=[{"Value": "192.0.2.9"}, {"Value": "192.0.2.8"}])
    by_hand(cloud, names[4], Type="TXT", ResourceRecords=[{"Value": '"hello"'}])
    expected = {
        **{name: Found((HERE,), 60) for name in names[:3]},
        names[3]: Found((IPv4Address("192.0.2.8"), IPv4Address("192.0.2.9")), 300),
        names[4]: Found(others=("TXT",)),
        names[5]: Found(),
    }

    assert await zone.look(names) == expected
    for name in names:
        assert await zone.look([name]) == {name: expected[name]}
    assert await zone.look([]) == {}


async def test_what_somebody_edited_is_found(zone: Zone, cloud: Cloud) -> None:
    right, moved, slow, gone, back = names = [f"g{new_id()}.{ZONE}" for _ in range(5)]
    await asyncio.gather(*(zone.point(each, HERE) for each in names))
    by_hand(cloud, moved, ResourceRecords=[{"Value": "192.0.2.66"}])
    by_hand(cloud, slow, TTL=86400, ResourceRecords=[{"Value": "192.0.2.1"}])
    await zone.take_out(gone)
    drift = await zone.drift(dict.fromkeys(names, HERE) | {back: None})

    assert drift.keys() == {moved, slow, gone, back}
    assert right not in drift
    assert drift[moved].addresses == (IPv4Address("192.0.2.66"),)
    assert drift[gone] == Found()


async def test_a_zone_larger_than_a_page_is_read_whole(zone: Zone) -> None:
    names = [f"g{new_id()}.{ZONE}" for _ in range(350)]
    await asyncio.gather(*(zone.point(name, HERE) for name in names))

    assert await zone.drift(dict.fromkeys(names, HERE)) == {}
    assert (await zone.look(names)).keys() == set(names)


async def test_a_zone_that_is_not_there_is_for_a_person(clients: Clients) -> None:
    with pytest.raises(NoZone):
        await Zone(clients.route53, "elsewhere.test").point("g.elsewhere.test", HERE)


async def test_a_zone_that_was_made_anew_is_found_again(clients: Clients, cloud: Cloud) -> None:
    zone, route53 = Zone(clients.route53, "anew.test"), cloud.client("route53")
    first = route53.create_hosted_zone(Name="anew.test", CallerReference=new_id())["HostedZone"]["Id"]
    await zone.id()
    route53.delete_hosted_zone(Id=first)
    second = route53.create_hosted_zone(Name="anew.test", CallerReference=new_id())["HostedZone"]["Id"]

    with pytest.raises(ZoneReplaced):
        await zone.point("g.anew.test", HERE)
    await zone.point("g.anew.test", HERE)

    assert await zone.id() == second
    await zone.take_out("g.anew.test")
    route53.delete_hosted_zone(Id=second)


async def test_a_zone_that_is_gone_is_not_read(clients: Clients, cloud: Cloud) -> None:
    zone, route53 = Zone(clients.route53, "gone.test"), cloud.client("route53")
    made = route53.create_hosted_zone(Name="gone.test", CallerReference=new_id())["HostedZone"]["Id"]
    await zone.id()
    route53.delete_hosted_zone(Id=made)

    with pytest.raises(ZoneReplaced):
        await zone.look(["g.gone.test"])
    with pytest.raises(NoZone):
        await zone.look(["g.gone.test"])

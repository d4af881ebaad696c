"""Names of DNS that many ask for are read together; the Route 53 of these tests has the order of the real one."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s4_aws.changes import ZoneReplaced
from s4_aws.records import Records
from s4_aws.trouble import AwsUnavailable


class Route53:
    """Lists records by their labels, the last one first, with a dot behind each."""

    def __init__(self, *names: str) -> None:
        self.records = sorted(({"Name": f"{name}.", "Type": "A"} for name in names), key=self._place)
        self.asked = 0
        self.says: str | None = None

    async def list_resource_record_sets(self, **request: Any) -> dict[str, Any]:
        self.asked += 1
        if self.says:
            raise ClientError({"Error": {"Code": self.says}}, "ListResourceRecordSets")
        start = self._place({"Name": request["StartRecordName"]})
        left = [record for record in self.records if self._place(record) >= start]
        page, rest = left[: int(request["MaxItems"])], left[int(request["MaxItems"]) :]
        following = {"NextRecordName": rest[0]["Name"], "NextRecordType": "A"} if rest else {}
        return {"ResourceRecordSets": page, "IsTruncated": bool(rest), **following}

    @staticmethod
    def _place(record: dict[str, str]) -> str:
        return "".join(f"{label}." for label in reversed(record["Name"].rstrip(".").split(".")))


def named(*numbers: int) -> list[str]:
    return [f"g{number:05}.grids.test" for number in numbers]


async def found(records: Records, names: list[str], size: int = 0) -> set[str]:
    return {record["Name"].rstrip(".") for record in await records.of("zone", set(names), size)}


async def test_a_few_names_are_read_one_by_one_and_only_they() -> None:
    route53 = Route53(*named(*range(5000)))

    assert await found(Records(route53), named(17, 4711, 9999), size=5000) == set(named(17, 4711))
    assert route53.asked == 3


async def test_many_names_are_read_with_all_between_them() -> None:
    route53 = Route53(*named(*range(5000)))

    assert await found(Records(route53), named(*range(100, 1000)), size=5000) == set(named(*range(100, 1000)))
    assert route53.asked <= 4


async def test_in_a_large_zone_more_names_are_read_one_by_one() -> None:
    route53 = Route53(*named(*range(0, 9000, 9)))

    assert await found(Records(route53), named(0, 900, 1800, 2700, 8982), size=9000) == set(
        named(0, 900, 1800, 2700, 8982)
    )
    assert route53.asked == 5


async def test_those_who_ask_at_once_are_answered_together_each_with_what_is_theirs() -> None:
    route53 = Route53(*named(*range(200)))
    records = Records(route53)
    answers = await asyncio.gather(*(found(records, named(number)) for number in range(210)))

    assert answers == [set(named(number)) if number < 200 else set() for number in range(210)]
    assert route53.asked == 1


async def test_a_name_with_a_sign_that_sorts_before_the_dot_is_found() -> None:
    names = ["a.b.test", "a-b.test", "b.test", "b-a.test", "a.b-c.test", "a+b.test"]
    records = Records(Route53(*names))

    assert await found(records, names) == set(names)
    for name in names:
        assert await found(records, [name]) == {name}


@pytest.mark.parametrize(("says", "trouble"), [("Throttling", AwsUnavailable), ("NoSuchHostedZone", ZoneReplaced)])
async def test_all_who_asked_are_told_what_went_wrong(says: str, trouble: type[Exception]) -> None:
    route53 = Route53(*named(1))
    route53.says = says
    records = Records(route53)
    told = await asyncio.gather(*(found(records, named(number)) for number in range(5)), return_exceptions=True)

    assert {type(each) for each in told} == {trouble}
    assert route53.asked == 1


async def test_nobody_is_answered_for_those_who_gave_up() -> None:
    route53 = Route53(*named(1, 2))
    records = Records(route53)
    first = asyncio.create_task(found(records, named(1)))
    second = asyncio.create_task(found(records, named(2)))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == set(named(2))

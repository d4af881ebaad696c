"""Changes of DNS are gathered; the Route 53 of these tests keeps to the rules of the real one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s4_aws.budget import budget
from s4_aws.changes import ChangeRefused, Changes, ZoneReplaced
from s4_aws.pace import Pace
from s4_aws.trouble import AwsUnavailable, OutOfTime
from s4_runtime import SystemClock, Temporary
from s4_runtime.testing import ManualClock
from support.waiting import until

Batch = list[tuple[str, str]]


class Route53:
    """Makes all changes of a request or none; one request after the other."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.bad: set[str] = set()
        self.refusal = "InvalidChangeBatch"
        self.says: str | None = None
        self.open = asyncio.Event()
        self.open.set()
        self._busy = False

    async def change_resource_record_sets(self, **request: Any) -> dict[str, Any]:
        assert not self._busy, "PriorRequestNotComplete"
        changes = request["ChangeBatch"]["Changes"]
        batch = [(each["Action"], each["ResourceRecordSet"]["Name"]) for each in changes]
        self.batches.append(batch)
        self._busy = True
        try:
            await self.open.wait()
        finally:
            self._busy = False
        assert len({name for _, name in batch}) == len(batch), "a name twice in a request"
        if self.says:
            raise ClientError({"Error": {"Code": self.says}}, "ChangeResourceRecordSets")
        if {name for _, name in batch} & self.bad:
            raise ClientError({"Error": {"Code": self.refusal}}, "ChangeResourceRecordSets")
        return {"ChangeInfo": {"Id": f"/change/{len(self.batches)}"}}


@pytest.fixture
def route53() -> Route53:
    return Route53()


@pytest.fixture
def changes(route53: Route53) -> Changes:
    return Changes(route53)


def a_record(name: str) -> dict[str, Any]:
    return {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}


async def upsert(changes: Changes, name: str) -> str:
    return await changes.make("zone", "UPSERT", a_record(name))


async def test_what_comes_together_is_one_request(changes: Changes, route53: Route53) -> None:
    ids = await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(200)))

    assert len(route53.batches) == 1
    assert set(ids) == {"/change/1"}


async def test_what_comes_while_a_request_is_under_way_is_the_next_one(changes: Changes, route53: Route53) -> None:
    route53.open.clear()
    first = asyncio.create_task(upsert(changes, "first"))
    await until(lambda: route53.batches, within=5, what="a request is under way")
    later = [asyncio.create_task(upsert(changes, f"later{number}")) for number in range(20)]
    await asyncio.sleep(0)
    route53.open.set()
    await asyncio.gather(first, *later)

    assert [len(batch) for batch in route53.batches] == [1, 20]


async def test_no_request_holds_more_than_route53_takes(changes: Changes, route53: Route53) -> None:
    """An UPSERT counts twice."""
    await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(1100)))

    assert [len(batch) for batch in route53.batches] == [500, 500, 100]


@pytest.mark.parametrize("refusal", ["InvalidChangeBatch", "InvalidInput", "InvalidDomainName"])
async def test_one_bad_change_fails_alone(changes: Changes, route53: Route53, refusal: str) -> None:
    route53.bad, route53.refusal = {"g13"}, refusal
    results = await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(40)), return_exceptions=True)

    bad = [number for number, result in enumerate(results) if isinstance(result, BaseException)]
    assert bad == [13]
    assert isinstance(results[13], ChangeRefused)
    assert len(route53.batches) < 15


async def test_when_all_are_bad_all_are_told(changes: Changes, route53: Route53) -> None:
    route53.bad = {f"g{number}" for number in range(8)}
    results = await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(8)), return_exceptions=True)

    assert {type(result) for result in results} == {ChangeRefused}


async def test_two_changes_of_one_name_are_made_one_after_the_other(changes: Changes, route53: Route53) -> None:
    await asyncio.gather(
        changes.make("zone", "UPSERT", a_record("g1")),
        changes.make("zone", "DELETE", a_record("G1.")),
        changes.make("zone", "UPSERT", a_record("g2")),
    )

    assert route53.batches == [[("UPSERT", "g1"), ("UPSERT", "g2")], [("DELETE", "G1.")]]


async def test_what_fails_for_now_fails_for_all_of_the_request(changes: Changes, route53: Route53) -> None:
    route53.says = "Throttling"
    results = await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(3)), return_exceptions=True)

    assert {type(result) for result in results} == {AwsUnavailable}
    assert len(route53.batches) == 1


async def test_a_zone_that_is_gone_is_said_to_all(changes: Changes, route53: Route53) -> None:
    route53.says = "NoSuchHostedZone"
    results = await asyncio.gather(*(upsert(changes, f"g{number}") for number in range(3)), return_exceptions=True)

    assert {type(result) for result in results} == {ZoneReplaced}


async def test_who_gives_up_at_the_head_of_the_line_leaves_the_others_to_the_next(
    changes: Changes, route53: Route53
) -> None:
    route53.open.clear()
    first = asyncio.create_task(upsert(changes, "first"))
    others = [asyncio.create_task(upsert(changes, f"g{number}")) for number in range(5)]
    await until(lambda: route53.batches, within=5, what="a request is under way")
    first.cancel()
    await asyncio.wait([first])
    route53.open.set()
    await asyncio.gather(*others)

    assert first.cancelled()
    assert [len(batch) for batch in route53.batches] == [6, 5]


async def test_who_gives_up_in_the_line_takes_the_change_away(changes: Changes, route53: Route53) -> None:
    first, second = asyncio.create_task(upsert(changes, "g1")), asyncio.create_task(upsert(changes, "g2"))
    await asyncio.sleep(0)
    second.cancel()
    await first

    assert route53.batches == [[("UPSERT", "g1")]]


async def test_the_time_of_one_is_not_the_time_of_the_others(changes: Changes, route53: Route53) -> None:
    async def hurried() -> None:
        async with budget(0.2):
            await upsert(changes, "hurried")

    route53.open.clear()
    first = asyncio.create_task(hurried())
    other = asyncio.create_task(upsert(changes, "patient"))
    with pytest.raises(OutOfTime):
        await first
    route53.open.set()

    assert await other


async def test_changes_wait_for_their_turn_and_an_upsert_counts_twice(route53: Route53) -> None:
    """A full bucket holds 1,500 and gets 100 a second; each 500 take 1,000 of it."""
    clock = ManualClock()
    changes = Changes(route53, Pace(clock, share=1.0), SystemClock())
    tasks = [asyncio.create_task(upsert(changes, f"g{number}")) for number in range(1000)]
    await until(lambda: len(route53.batches) == 1, within=5, what="the first 500 are sent")
    await clock.advance(timedelta(seconds=4.9))
    waiting = [task for task in tasks if not task.done()]
    await clock.advance(timedelta(seconds=0.2))
    await asyncio.gather(*tasks)

    assert len(waiting) >= 500
    assert [len(batch) for batch in route53.batches] == [500, 500]


async def test_nothing_is_left_in_the_line(changes: Changes, route53: Route53) -> None:
    route53.says = "Throttling"
    with pytest.raises(Temporary):
        await upsert(changes, "g1")
    route53.says = None
    await upsert(changes, "g2")

    assert route53.batches == [[("UPSERT", "g1")], [("UPSERT", "g2")]]

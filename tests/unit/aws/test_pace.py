import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from s4_aws.pace import Pace
from s4_aws.rates import Rate, rate_of
from s4_aws.trouble import OutOfTime
from s4_runtime.testing import ManualClock

# One token at once, one a second: the plainest arithmetic.
PLAIN = Rate(1, 1, "service")
LONG = 10_000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pace(clock: ManualClock) -> Pace:
    return Pace(clock, share=1.0)


async def settle() -> None:
    """Everybody who can go on has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


async def passes(clock: ManualClock, seconds: float) -> None:
    await settle()
    await clock.advance(timedelta(seconds=seconds))
    await settle()


def started(waiting: Awaitable[None]) -> asyncio.Task[None]:
    return asyncio.ensure_future(waiting)


def done(tasks: list[asyncio.Task[None]]) -> int:
    return sum(task.done() for task in tasks)


async def many(pace: Pace, count: int, patience: float = LONG) -> list[asyncio.Task[None]]:
    tasks = [started(pace.take_some("plain", PLAIN, 1, patience)) for _ in range(count)]
    await settle()
    return tasks


async def test_what_the_bucket_holds_goes_at_once(pace: Pace) -> None:
    rate = rate_of("ec2", "RunInstances")
    for _ in range(int(rate.burst)):
        await pace.take("ec2", "RunInstances", "eu-central-1", patience=0)

    with pytest.raises(OutOfTime):
        await pace.take("ec2", "RunInstances", "eu-central-1", patience=0)


async def test_the_rest_goes_one_after_the_other_in_the_order_in_which_it_came(pace: Pace, clock: ManualClock) -> None:
    tasks = await many(pace, 4)
    seen = [done(tasks)]
    for _ in range(3):
        await passes(clock, 1)
        seen.append(done(tasks))

    assert seen == [1, 2, 3, 4]
    assert [task.done() for task in tasks] == [True] * 4


async def test_who_cannot_have_a_turn_in_time_is_told_at_once(pace: Pace, clock: ManualClock) -> None:
    tasks = await many(pace, 4)
    with pytest.raises(OutOfTime) as told:
        await pace.take_some("plain", PLAIN, 1, patience=3)

    assert told.value.retry_after
    assert told.value.retry_after == timedelta(seconds=4)
    for task in tasks:
        task.cancel()


async def test_who_gives_up_leaves_the_turn_to_the_next(pace: Pace, clock: ManualClock) -> None:
    first, second, third = await many(pace, 3)
    second.cancel()
    await passes(clock, 1)

    assert first.done()
    assert third.done()
    assert not third.cancelled()


async def test_regions_and_actions_do_not_wait_for_each_other(pace: Pace) -> None:
    burst = int(rate_of("ec2", "RunInstances").burst)
    for _ in range(burst):
        await pace.take("ec2", "RunInstances", "eu-central-1", patience=0)

    await pace.take("ec2", "RunInstances", "us-east-1", patience=0)
    await pace.take("ec2", "TerminateInstances", "eu-central-1", patience=0)


async def test_actions_of_a_service_that_counts_them_together_wait_for_each_other(pace: Pace) -> None:
    burst = int(rate_of("route53", "GetChange").burst)
    for _ in range(burst):
        await pace.take("route53", "GetChange", "", patience=0)

    with pytest.raises(OutOfTime):
        await pace.take("route53", "ChangeResourceRecordSets", "", patience=0)


async def test_only_the_share_that_is_ours_is_used(clock: ManualClock) -> None:
    half, rate = Pace(clock, share=0.5), Rate(10, 10, "service")
    for _ in range(5):
        await half.take_some("plain", rate, 1, patience=0)
    with pytest.raises(OutOfTime) as told:
        await half.take_some("plain", rate, 1, patience=0)

    assert told.value.retry_after == timedelta(seconds=0.2)


async def test_a_throttling_answer_halves_the_rate(pace: Pace) -> None:
    pace.throttled("ec2", "RunInstances", "us-east-1")

    assert pace.ratio("ec2", "RunInstances", "us-east-1") == 0.5
    assert pace.ratio("ec2", "RunInstances", "eu-central-1") == 1.0
    assert pace.ratio("ec2", "DescribeInstances", "us-east-1") == 1.0


async def test_after_a_throttling_answer_nothing_goes_at_once(pace: Pace) -> None:
    pace.throttled("ec2", "RunInstances", "us-east-1")

    with pytest.raises(OutOfTime) as told:
        await pace.take("ec2", "RunInstances", "us-east-1", patience=0)
    assert told.value.retry_after == timedelta(seconds=1)  # one token at half of two a second


async def test_many_answers_to_what_was_under_way_halve_it_once(pace: Pace) -> None:
    for _ in range(20):
        pace.throttled("iam", "GetRole", "")

    assert pace.ratio("iam", "CreateRole", "") == 0.5


async def test_throttled_again_and_again_it_becomes_slow_and_never_stands(pace: Pace, clock: ManualClock) -> None:
    for _ in range(20):
        pace.throttled("iam", "GetRole", "")
        await clock.advance(timedelta(seconds=1))

    assert 0 < pace.ratio("iam", "GetRole", "") < 0.05


async def test_the_rate_comes_back_slowly_and_no_further_than_it_was(pace: Pace, clock: ManualClock) -> None:
    pace.throttled("iam", "GetRole", "")
    await clock.advance(timedelta(seconds=30))
    soon = pace.ratio("iam", "GetRole", "")
    await clock.advance(timedelta(minutes=10))

    assert 0.7 < soon < 0.8
    assert pace.ratio("iam", "GetRole", "") == 1.0


async def test_who_waits_already_waits_longer_when_aws_asks_for_less(clock: ManualClock) -> None:
    pace = Pace(clock, share=1.0)
    rate = rate_of("ec2", "RunInstances")
    tasks = [started(pace.take("ec2", "RunInstances", "us-east-1", LONG)) for _ in range(int(rate.burst) + 1)]
    await settle()
    pace.throttled("ec2", "RunInstances", "us-east-1")
    await passes(clock, 1 / rate.per_second)
    at_the_old_pace = tasks[-1].done()
    await passes(clock, 1 / rate.per_second)

    assert not at_the_old_pace
    assert tasks[-1].done()


async def test_more_than_the_bucket_holds_goes_when_it_is_full_and_the_next_pay_for_it(
    pace: Pace, clock: ManualClock
) -> None:
    rate = Rate(10, 10, "service")
    await pace.take_some("changes", rate, 25, patience=2)

    with pytest.raises(OutOfTime) as told:
        await pace.take_some("changes", rate, 1, patience=0)
    assert told.value.retry_after == timedelta(seconds=1.6)


async def test_a_thousand_calls_at_once_are_spread_as_the_documentation_allows(clock: ManualClock) -> None:
    pace = Pace(clock, share=1.0)
    rate = rate_of("ec2", "RunInstances")
    tasks = [started(pace.take("ec2", "RunInstances", "us-east-1", LONG)) for _ in range(1000)]
    await settle()
    seen = []
    for _ in range(10):
        await passes(clock, 1)
        seen.append(done(tasks))

    assert seen == [rate.burst + rate.per_second * second for second in range(1, 11)]
    for task in tasks:
        task.cancel()


async def test_what_waited_and_what_was_slowed_down_can_be_seen(pace: Pace, clock: ManualClock) -> None:
    def sample(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    place = {"service": "ec2", "region": "mars-north-1"}
    turn = started(pace.take("ec2", "RunInstances", "mars-north-1", LONG))
    await turn
    pace.throttled("ec2", "RunInstances", "mars-north-1")
    with pytest.raises(OutOfTime):
        await pace.take("ec2", "RunInstances", "mars-north-1", patience=0)
    turn = started(pace.take("ec2", "RunInstances", "mars-north-1", LONG))
    await passes(clock, 1)
    await turn

    assert sample("s4_aws_wait_seconds_count", **place) == 2
    assert sample("s4_aws_wait_seconds_sum", **place) == 1
    assert sample("s4_aws_throttled_total", **place, action="RunInstances") == 1
    assert sample("s4_aws_impatient_total", **place) == 1
    assert 0.5 < sample("s4_aws_pace_ratio", **place) < 0.52


@pytest.mark.parametrize(
    ("service", "action", "per_second"),
    [
        ("ec2", "DescribeInstances", 20),
        ("ec2", "RunInstances", 2),
        ("ec2", "CreateSecurityGroup", 5),
        ("route53", "ChangeResourceRecordSets", 5),
        ("sts", "AssumeRole", 600),
        ("service-quotas", "GetServiceQuota", 5),
        ("something-new", "DoIt", 5),
    ],
)
def test_the_rates_are_those_that_aws_documents(service: str, action: str, per_second: float) -> None:
    assert rate_of(service, action).per_second == per_second

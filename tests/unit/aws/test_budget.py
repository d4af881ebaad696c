import asyncio

import pytest

from s4_aws.budget import DEFAULT_SECONDS, budget, patience
from s4_aws.trouble import AwsUnavailable, OutOfTime


async def test_who_says_nothing_has_the_usual_patience() -> None:
    assert patience() == DEFAULT_SECONDS


async def test_a_budget_is_what_is_left_of_it() -> None:
    async with budget(5):
        assert 0 < patience() <= 5

    assert patience() == DEFAULT_SECONDS


async def test_the_smaller_of_two_budgets_holds() -> None:
    async with budget(5), budget(60):
        assert patience() <= 5
    async with budget(60), budget(5):
        assert patience() <= 5


async def test_a_chain_that_takes_too_long_is_ended() -> None:
    with pytest.raises(OutOfTime) as ended:
        async with budget(0.01):
            await asyncio.Event().wait()

    assert isinstance(ended.value, AwsUnavailable)
    assert ended.value.code == "aws-out-of-time"


async def test_a_timeout_of_something_else_stays_what_it_is() -> None:
    with pytest.raises(TimeoutError):
        async with budget(60):
            raise TimeoutError


async def test_being_cancelled_is_not_being_out_of_time() -> None:
    async def waits() -> None:
        async with budget(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_tasks_that_are_begun_inside_have_the_same_budget() -> None:
    async def left() -> float:
        return patience()

    async with budget(5):
        assert max(await asyncio.gather(left(), left())) <= 5

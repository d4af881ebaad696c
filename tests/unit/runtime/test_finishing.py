import asyncio

import pytest

from s4_runtime import Temporary, finishing


async def test_what_is_in_hand_when_a_stop_comes_is_finished() -> None:
    begun, allowed, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> str:
        begun.set()
        await allowed.wait()
        done.append("all of it")
        return "well"

    stopped = asyncio.create_task(finishing(work()))
    await begun.wait()
    stopped.cancel()
    await asyncio.sleep(0)
    assert not stopped.done()
    allowed.set()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    assert done == ["all of it"]
    assert await finishing(work()) == "well"


async def test_trouble_is_raised_unless_a_stop_came_before() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise Temporary("busy")

    with pytest.raises(Temporary, match="busy"):
        await finishing(work())
    stopped = asyncio.create_task(finishing(work()))
    await asyncio.sleep(0)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped

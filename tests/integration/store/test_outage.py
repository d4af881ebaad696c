"""The database goes away, and comes back."""

import asyncio
from datetime import timedelta

import pytest

from s4_store import DatabaseUnavailable, Pool, Wakeup, notify
from support.cutproxy import cut_proxy
from support.waiting import until


async def test_a_cut_connection_fails_what_was_in_the_middle_and_nothing_later(database: str, pool: Pool) -> None:
    async with cut_proxy(database) as proxy, Pool.open(proxy.url) as far:
        with pytest.raises(DatabaseUnavailable):  # noqa: PT012  the block is the transaction
            async with far.transaction() as tx:
                await tx.execute("insert into notes values (1, 'one')")
                proxy.cut()
                await tx.execute("insert into notes values (2, 'two')")
        await far.execute("insert into notes values (3, 'three')")
    assert [row["id"] for row in await pool.fetch("select id from notes")] == [3]


async def test_while_nobody_answers_the_database_is_unavailable_and_after_that_it_is_not(database: str) -> None:
    async with cut_proxy(database) as proxy, Pool.open(proxy.url) as far:
        assert await far.is_reachable()
        proxy.refuse()
        with pytest.raises(DatabaseUnavailable):
            await far.fetch("select 1")
        assert not await far.is_reachable()
        proxy.accept()
        await until(far.is_reachable, within=5, what="the pool reconnects")


async def test_a_pool_waits_for_a_database_that_is_late(database: str) -> None:
    async with cut_proxy(database) as proxy:
        proxy.refuse()
        opening = asyncio.create_task(_first_answer(proxy.url, timedelta(seconds=20)))
        done, _ = await asyncio.wait({opening}, timeout=0.3)
        assert not done
        proxy.accept()
        assert await opening == 1


async def test_a_pool_gives_up_after_its_patience(database: str) -> None:
    async with cut_proxy(database) as proxy:
        proxy.refuse()
        with pytest.raises(DatabaseUnavailable):
            await _first_answer(proxy.url, timedelta())


async def test_a_pool_that_is_used_up_counts_as_unavailable_and_not_as_a_fault(database: str) -> None:
    async with Pool.open(database, max_size=1, acquire_timeout=timedelta(milliseconds=50)) as small:
        async with small.transaction():
            with pytest.raises(DatabaseUnavailable):
                async with small.transaction():
                    pytest.fail("there was no connection left")
        assert await small.fetchval("select 1") == 1


async def test_a_listener_survives_a_cut_and_wakes_as_it_may_have_missed_something(database: str, pool: Pool) -> None:
    async with cut_proxy(database) as proxy, Wakeup.listen(proxy.url, "news") as wakeup:
        proxy.cut()
        assert await wakeup.wait(timedelta(seconds=5))
        await until(lambda: wakeup.wait(0.05), within=5, what="woken by the reconnection")
        assert not await wakeup.wait(0.05)
        async with pool.transaction() as tx:
            await notify(tx, "news", "today")
        assert await wakeup.wait(5)


async def test_a_listener_without_a_database_is_a_timer(database: str) -> None:
    async with cut_proxy(database) as proxy:
        proxy.refuse()
        async with Wakeup.listen(proxy.url, "news") as wakeup:
            assert not await wakeup.wait(0.05)
            proxy.accept()
            assert await wakeup.wait(0.05)


async def test_many_notifications_wake_once(database: str, pool: Pool) -> None:
    async with Wakeup.listen(database, "news") as wakeup:
        async with pool.transaction() as tx:
            for number in range(5):
                await notify(tx, "news", str(number))
        assert await wakeup.wait(5)
        assert not await wakeup.wait(0.05)


async def _first_answer(url: str, patience: timedelta) -> object:
    async with Pool.open(url, patience=patience) as pool:
        return await pool.fetchval("select 1")

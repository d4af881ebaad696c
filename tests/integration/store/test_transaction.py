import asyncio

import asyncpg
import pytest

from s4_runtime import Permanent
from s4_store import DatabaseConflict, Pool
from s4_store.testing import emitted
from support.events import an_invite


async def write(pool: Pool, number: int, text: str = "") -> None:
    async with pool.transaction() as tx:
        await tx.execute("insert into notes values ($1, $2)", number, text)


async def numbers(pool: Pool) -> list[int]:
    return [row["id"] for row in await pool.fetch("select id from notes order by id")]


async def test_rows_and_events_commit_together(pool: Pool) -> None:
    event = an_invite()
    async with pool.transaction() as tx:
        await tx.execute("insert into notes values (1, 'one')")
        await tx.emit(event)
    assert await numbers(pool) == [1]
    assert await emitted(pool) == [event]


async def test_an_error_undoes_rows_and_events(pool: Pool) -> None:
    with pytest.raises(Permanent, match="changed-my-mind"):  # noqa: PT012  the block is the transaction
        async with pool.transaction() as tx:
            await tx.execute("insert into notes values (1, 'one')")
            await tx.emit(an_invite())
            raise Permanent("changed-my-mind")
    assert await numbers(pool) == []
    assert await emitted(pool) == []


async def test_a_cancelled_transaction_is_undone_and_its_connection_used_again(database: str, pool: Pool) -> None:
    inside = asyncio.Event()

    async def slow(small: Pool) -> None:
        async with small.transaction() as tx:
            await tx.execute("insert into notes values (1, 'one')")
            inside.set()
            await tx.execute("select pg_sleep(30)")

    async with Pool.open(database, max_size=1) as small:
        task = asyncio.create_task(slow(small))
        await inside.wait()
        task.cancel()
        await asyncio.wait({task})
        await write(small, 2)
    assert await numbers(pool) == [2]


async def test_a_savepoint_undoes_its_own_rows_and_events_only(pool: Pool) -> None:
    kept = an_invite()
    async with pool.transaction() as tx:
        await tx.emit(kept)
        with pytest.raises(asyncpg.UniqueViolationError):  # noqa: PT012  the block is the transaction
            async with tx.savepoint():
                await tx.emit(an_invite())
                await tx.executemany("insert into notes values ($1, $2)", [(1, "one"), (1, "again")])
        async with tx.savepoint():
            await tx.execute("insert into notes values (2, 'two')")
    assert await numbers(pool) == [2]
    assert await emitted(pool) == [kept]


async def test_a_transaction_reads_in_every_shape(pool: Pool) -> None:
    async with pool.transaction() as tx:
        assert await tx.execute("insert into notes values (1, 'one'), (2, 'two')") == "INSERT 0 2"
        assert [row["id"] for row in await tx.fetch("select id from notes order by id")] == [1, 2]
        row = await tx.fetchrow("select text from notes where id = $1", 2)
        assert row is not None
        assert row["text"] == "two"
        assert await tx.fetchval("select count(*) from notes") == 2
        assert await tx.fetchrow("select 1 from notes where id = 3") is None
    assert await pool.fetchval("select text from notes where id = 1") == "one"
    found = await pool.fetchrow("select text from notes where id = 2")
    assert found is not None
    assert found["text"] == "two"


async def test_ids_arrive_as_text(pool: Pool) -> None:
    assert await pool.fetchval("select '01890000-0000-7000-8000-000000000001'::uuid") == (
        "01890000-0000-7000-8000-000000000001"
    )


async def test_two_that_wait_for_each_other_end_as_a_conflict_and_not_as_a_wait(pool: Pool) -> None:
    await write(pool, 1)
    await write(pool, 2)
    first, second = asyncio.Event(), asyncio.Event()

    async def grab(mine: int, theirs: int, have: asyncio.Event, other: asyncio.Event) -> None:
        async with pool.transaction() as tx:
            await tx.execute("update notes set text = 'mine' where id = $1", mine)
            have.set()
            await other.wait()
            await tx.execute("update notes set text = 'mine' where id = $1", theirs)

    ended = await asyncio.gather(grab(1, 2, first, second), grab(2, 1, second, first), return_exceptions=True)
    assert [type(end) for end in ended if end is not None] == [DatabaseConflict]


async def test_a_mistake_in_sql_is_shown_as_it_is(pool: Pool) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await pool.execute("insert into nowhere values (1)")

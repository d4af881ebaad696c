import asyncio
import json
from datetime import timedelta

import asyncpg
import pytest

from s4_runtime import context
from s4_store import Pool, Wakeup, outbox
from s4_store.testing import emitted
from support.events import a_paid_signup, an_invite


async def test_a_key_emits_once_for_ever(pool: Pool) -> None:
    first, second = an_invite(), an_invite()
    ids = set()
    for event in (first, second):
        async with pool.transaction() as tx:
            ids.add(await tx.emit(event, key="grid-7"))
    assert await emitted(pool) == [first]
    assert len(ids) == 1


async def test_a_key_emits_once_in_one_transaction_too(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite(), key="grid-7")
        await tx.emit(an_invite(), key="grid-7")
    assert len(await emitted(pool)) == 1


async def test_a_key_belongs_to_its_type(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite(), key="7")
        await tx.emit(a_paid_signup(), key="7")
    assert len(await emitted(pool)) == 2


async def test_a_key_is_remembered_after_its_event_is_pruned(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite(), key="grid-7")
    async with pool.transaction() as tx:
        await outbox.take(tx, 10)
    assert await outbox.prune(pool, timedelta()) == 1
    async with pool.transaction() as tx:
        await tx.emit(an_invite(), key="grid-7")
    assert await emitted(pool) == []


async def test_a_key_whose_transaction_failed_was_not_used(pool: Pool) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):  # noqa: PT012  the block is the transaction
        async with pool.transaction() as tx:
            await tx.emit(an_invite(), key="grid-7")
            await tx.execute("select 1 / 0")
    async with pool.transaction() as tx:
        await tx.emit(an_invite(), key="grid-7")
    assert len(await emitted(pool)) == 1


async def test_two_that_use_one_key_at_once_emit_once(pool: Pool) -> None:
    async def emit() -> None:
        async with pool.transaction() as tx:
            await tx.emit(an_invite(), key="grid-7")

    await asyncio.gather(*(emit() for _ in range(8)))
    assert len(await emitted(pool)) == 1


async def test_without_a_key_every_call_emits(pool: Pool) -> None:
    event = an_invite()
    async with pool.transaction() as tx:
        assert await tx.emit(event) != await tx.emit(event)
    assert await emitted(pool) == [event, event]


async def test_the_story_is_stored_with_the_event(pool: Pool) -> None:
    cause = context.Cause("story-1", "message-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    with context.bound(cause):
        async with pool.transaction() as tx:
            await tx.emit(an_invite())
    headers = json.loads(await pool.fetchval("select headers from outbox"))
    assert headers == {
        "X-Correlation-Id": "story-1",
        "X-Causation-Id": "message-1",
        "traceparent": cause.traceparent,
    }


async def test_outside_a_story_one_begins(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite())
    headers = json.loads(await pool.fetchval("select headers from outbox"))
    assert set(headers) == {"X-Correlation-Id", "traceparent"}


async def test_what_is_taken_is_taken_by_nobody_else(pool: Pool) -> None:
    async with pool.transaction() as tx:
        for _ in range(5):
            await tx.emit(an_invite())
    async with pool.transaction() as one, pool.transaction() as other:
        first = {row["seq"] for row in await outbox.take(one, 3)}
        second = {row["seq"] for row in await outbox.take(other, 3)}
    assert (len(first), len(second)) == (3, 2)
    assert not first & second
    assert (await outbox.backlog(pool)).pending == 0


async def test_what_is_taken_and_not_committed_is_still_pending(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite())
    try:
        async with pool.transaction() as tx:
            assert len(await outbox.take(tx, 3)) == 1
            raise ConnectionError
    except ConnectionError:
        backlog = await outbox.backlog(pool)
    assert backlog.pending == 1
    assert backlog.age_seconds > 0


async def test_what_is_put_back_is_pending_again(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite())
        await tx.emit(an_invite())
    async with pool.transaction() as tx:
        rows = await outbox.take(tx, 3)
        await outbox.put_back(tx, [rows[0]["seq"]])
    assert (await outbox.backlog(pool)).pending == 1


async def test_pending_events_are_never_pruned_and_sent_ones_not_before_their_time(pool: Pool) -> None:
    async with pool.transaction() as tx:
        await tx.emit(an_invite())
        await tx.emit(an_invite())
    async with pool.transaction() as tx:
        await outbox.take(tx, 1)
    assert await outbox.prune(pool, timedelta(hours=1)) == 0
    assert await outbox.prune(pool, timedelta()) == 1
    assert (await outbox.backlog(pool)).pending == 1


async def test_an_empty_outbox_has_no_age(pool: Pool) -> None:
    assert await outbox.backlog(pool) == outbox.Backlog(0, 0.0)


async def test_a_commit_wakes_the_relay_and_a_rollback_does_not(database: str, pool: Pool) -> None:
    async with Wakeup.listen(database, outbox.CHANNEL) as wakeup:
        async with pool.transaction() as tx:
            await tx.emit(an_invite())
        assert await wakeup.wait(5)
        assert not await wakeup.wait(0.05)

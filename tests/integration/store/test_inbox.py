import asyncio
from datetime import timedelta

from s4_runtime import new_id
from s4_store import Pool, inbox


async def admit(pool: Pool, *ids: str) -> set[str]:
    async with pool.transaction() as tx:
        return await inbox.admit(tx, ids)


async def test_an_id_is_admitted_once(pool: Pool) -> None:
    one, two = new_id(), new_id()
    assert await admit(pool, one) == {one}
    assert await admit(pool, one, two) == {two}
    assert await admit(pool, one, two) == set()


async def test_an_id_twice_in_one_batch_is_one_id(pool: Pool) -> None:
    one = new_id()
    assert await admit(pool, one, one) == {one}


async def test_an_id_whose_handling_failed_is_admitted_again(pool: Pool) -> None:
    one = new_id()
    try:
        async with pool.transaction() as tx:
            await inbox.admit(tx, [one])
            raise ConnectionError
    except ConnectionError:
        again = await admit(pool, one)
    assert again == {one}


async def test_of_two_at_once_one_waits_and_finds_it_done(pool: Pool) -> None:
    one = new_id()
    async with pool.transaction() as tx:
        assert await inbox.admit(tx, [one]) == {one}
        other = asyncio.create_task(admit(pool, one))
        done, _ = await asyncio.wait({other}, timeout=0.1)
        assert not done
    assert await other == set()


async def test_batches_that_share_ids_in_another_order_do_not_deadlock(pool: Pool) -> None:
    ids = [new_id() for _ in range(50)]
    found = await asyncio.gather(*(admit(pool, *(ids if turn % 2 else ids[::-1])) for turn in range(8)))
    assert sorted(each for admitted in found for each in admitted) == sorted(ids)


async def test_ids_are_forgotten_when_no_copy_of_their_event_would_be_handled_any_more(pool: Pool) -> None:
    old, new, just = (new_id() for _ in range(3))
    await admit(pool, old, new, just)
    age = "update inbox set handled_at = now() - $2::interval where id = $1"
    await pool.execute(age, old, inbox.KEPT + timedelta(days=8))
    await pool.execute(age, new, inbox.KEPT + timedelta(days=6))

    assert await inbox.prune(pool) == 1
    assert await inbox.prune(pool) == 0

    assert await admit(pool, old, new, just) == {old}


async def test_many_ids_are_forgotten_in_pieces(pool: Pool) -> None:
    many = "insert into inbox select gen_random_uuid(), now() - $1::interval from generate_series(1, 20001)"
    await pool.execute(many, inbox.KEPT * 2)
    await admit(pool, new_id())

    assert await inbox.prune(pool) == 20_001
    assert await pool.fetchval("select count(*) from inbox") == 1

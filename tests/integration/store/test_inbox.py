import asyncio

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

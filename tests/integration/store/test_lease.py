import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from s4_runtime import new_id
from s4_store import LeaseLost, Leases, Pool, Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(minutes=1)
LEASES = Leases(table="grids", key="id")


@pytest.fixture
async def grids(pool: Pool) -> Pool:
    await pool.execute(
        "create table grids (id text primary key, stage text not null default 'absent', due_at timestamptz,"
        " lease_token uuid, lease_until timestamptz, attempts int not null default 0)"
    )
    return pool


async def due(pool: Pool, *ids: str, at: datetime | None = NOW) -> None:
    for each in ids:
        await pool.execute("insert into grids (id, due_at) values ($1, $2)", each, at)


async def row(pool: Pool, key: str) -> Record:
    found = await pool.fetchrow("select * from grids where id = $1", key)
    assert found is not None
    return found


async def claim_one(pool: Pool, now: datetime = NOW) -> Record:
    (claimed,) = await LEASES.claim(pool, 1, TTL, now)
    return claimed


def ids(rows: Sequence[Record]) -> list[str]:
    return [each["id"] for each in rows]


async def test_the_longest_due_rows_are_claimed_first_and_no_more_than_asked_for(grids: Pool) -> None:
    await due(grids, "late", at=NOW - timedelta(minutes=1))
    await due(grids, "latest", at=NOW - timedelta(hours=1))
    await due(grids, "now")
    assert ids(await LEASES.claim(grids, 2, TTL, NOW)) == ["latest", "late"]


async def test_rows_at_rest_or_due_later_are_not_claimed(grids: Pool) -> None:
    await due(grids, "rest", at=None)
    await due(grids, "later", at=NOW + timedelta(seconds=1))
    assert await LEASES.claim(grids, 10, TTL, NOW) == []


async def test_a_claimed_row_is_nobody_elses_until_its_lease_ends(grids: Pool) -> None:
    await due(grids, "one")
    first = await claim_one(grids)
    assert await LEASES.claim(grids, 10, TTL, NOW + TTL - timedelta(seconds=1)) == []
    second = await claim_one(grids, NOW + TTL)
    assert second["lease_token"] != first["lease_token"]
    assert second["attempts"] == 2


async def test_many_claimers_at_once_never_share_a_row(grids: Pool) -> None:
    await due(grids, *(f"grid-{number:03}" for number in range(120)))
    claims = await asyncio.gather(*(LEASES.claim(grids, 10, TTL, NOW) for _ in range(15)))
    claimed = [each for rows in claims for each in ids(rows)]
    assert len(claimed) == len(set(claimed))
    assert len(claimed) + len(await LEASES.claim(grids, 120, TTL, NOW)) == 120


async def test_claims_extensions_results_and_expiries_in_any_order_keep_one_owner(grids: Pool) -> None:
    """A model beside the table: who may write is who holds the newest token."""
    random, now = Random(20260101), NOW
    await due(grids, *(f"grid-{number}" for number in range(4)))
    newest: dict[str, str] = {}
    tokens: list[tuple[str, str]] = []
    for _ in range(150):
        now += timedelta(seconds=random.randint(0, 40))
        if random.random() < 0.5 or not tokens:
            for claimed in await LEASES.claim(grids, 2, TTL, now):
                newest[claimed["id"]] = claimed["lease_token"]
                tokens.append((claimed["id"], claimed["lease_token"]))
            continue
        key, token = random.choice(tokens)
        mine = newest.get(key) == token
        if random.random() < 0.5:
            assert await LEASES.extend(grids, key, token, TTL, now) is mine
            continue
        try:
            async with LEASES.apply(grids, key, token) as tx:
                await tx.execute("update grids set due_at = $2 where id = $1", key, now)
            assert mine
            del newest[key]
        except LeaseLost:
            assert not mine


async def test_a_result_is_stored_and_ends_the_lease(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    async with LEASES.apply(grids, "one", token) as tx:
        await tx.execute("update grids set stage = 'ready', due_at = null, attempts = 0 where id = 'one'")
    found = await row(grids, "one")
    assert (found["stage"], found["lease_token"], found["lease_until"]) == ("ready", None, None)
    with pytest.raises(LeaseLost):
        async with LEASES.apply(grids, "one", token):
            pytest.fail("the lease had ended")


async def test_a_result_on_the_way_keeps_the_lease_when_asked_to(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    async with LEASES.apply(grids, "one", token, keep=True) as tx:
        await tx.execute("update grids set stage = 'launching' where id = 'one'")
    assert (await row(grids, "one"))["lease_token"] == token
    assert await LEASES.extend(grids, "one", token, TTL, NOW)


async def test_the_result_of_a_lost_lease_changes_nothing(grids: Pool) -> None:
    await due(grids, "one")
    stale = (await claim_one(grids))["lease_token"]
    fresh = (await claim_one(grids, NOW + TTL))["lease_token"]
    with pytest.raises(LeaseLost):
        async with LEASES.apply(grids, "one", stale) as tx:
            await tx.execute("update grids set stage = 'stale' where id = 'one'")
    assert not await LEASES.extend(grids, "one", stale, TTL, NOW)
    assert not await LEASES.release(grids, "one", stale, None)
    found = await row(grids, "one")
    assert (found["stage"], found["lease_token"]) == ("absent", fresh)


async def test_a_result_that_fails_leaves_row_and_lease_as_they_were(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  the block is the transaction
        async with LEASES.apply(grids, "one", token) as tx:
            await tx.execute("update grids set stage = 'ready' where id = 'one'")
            raise ZeroDivisionError
    found = await row(grids, "one")
    assert (found["stage"], found["lease_token"]) == ("absent", token)


async def test_nobody_takes_over_while_a_result_is_being_stored(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    async with LEASES.apply(grids, "one", token) as tx:
        assert await LEASES.claim(grids, 1, TTL, NOW + 2 * TTL) == []
        await tx.execute("update grids set due_at = null where id = 'one'")
    assert await LEASES.claim(grids, 1, TTL, NOW + 2 * TTL) == []


async def test_a_released_row_is_due_when_its_owner_said(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    assert await LEASES.release(grids, "one", token, NOW + timedelta(seconds=30))
    assert await LEASES.claim(grids, 1, TTL, NOW + timedelta(seconds=29)) == []
    assert (await claim_one(grids, NOW + timedelta(seconds=30)))["id"] == "one"


async def test_an_extension_counts_from_now(grids: Pool) -> None:
    await due(grids, "one")
    token = (await claim_one(grids))["lease_token"]
    assert await LEASES.extend(grids, "one", token, TTL, NOW + timedelta(seconds=50))
    assert await LEASES.claim(grids, 1, TTL, NOW + timedelta(seconds=109)) == []
    assert len(await LEASES.claim(grids, 1, TTL, NOW + timedelta(seconds=110))) == 1


async def test_a_row_that_does_not_exist_is_not_mine(grids: Pool) -> None:
    with pytest.raises(LeaseLost):
        async with LEASES.apply(grids, "none", new_id()):
            pytest.fail("there is no such row")


async def test_who_only_refers_to_a_row_that_is_being_applied_is_not_held_up(grids: Pool) -> None:
    await due(grids, "one")
    claimed = await claim_one(grids)
    await grids.execute("create table stones (grid text references grids (id))")
    async with LEASES.apply(grids, "one", claimed["lease_token"]):
        async with asyncio.timeout(5):
            await grids.execute("insert into stones values ('one')")


async def test_a_row_that_somebody_refers_to_at_the_moment_is_claimed(grids: Pool) -> None:
    await due(grids, "one")
    await grids.execute("create table stones (grid text references grids (id))")
    async with grids.transaction() as tx:
        await tx.execute("insert into stones values ('one')")
        assert ids(await LEASES.claim(grids, 1, TTL, NOW)) == ["one"]

"""Questions are answered by index, however much has happened."""

import time
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from s4_contracts.billing import SignupPaid
from s4_contracts.provisioner import InstanceReady
from s4_runtime import Secret
from s4_store import migrate
from s4_support import accounts, finding, limits, sessions, timeline
from s4_support.site import Site
from s4_support.timeline import Sought
from support.asked_sql import Asked, listening_pool, read_whole
from support.support_page import EMAIL, START, Customer, SupportPage, support_page

TABLES = ("events", "mentions", "links", "addresses", "sessions", "counters", "deeds", "audit", "inbox", "outbox")
# As many accounts as it takes, with 100 events each: one payment, and then a grid that is proved again and again.
_FILL = (
    """
    CREATE TEMPORARY TABLE made AS SELECT n, k, gen_random_uuid() AS event_id, md5('account' || n)::uuid AS account,
        md5('grid' || n)::uuid AS grid, md5('host' || n % 50)::uuid AS host,
        $1::timestamptz - k * interval '1 hour' - n * interval '1 second' AS at,
        CASE WHEN k = 99 THEN 'billing.signup-paid.v1' WHEN k % 10 = 1 THEN 'notifier.letter-sent.v1'
            WHEN k % 3 = 0 THEN 'provisioner.usage-measured.v1' ELSE 'provisioner.grid-proved.v1' END AS name
    FROM generate_series($2::int, $3::int) n, generate_series(0, 99) k
    """,
    """
    INSERT INTO events (event_id, name, occurred_at, facts, correlation_id) SELECT event_id, name, at,
        jsonb_build_object('account_id', account, 'grid_id', grid, 'letter_id', event_id, 'kind', 'welcome',
            'stored_bytes', 7, 'quota_bytes', 9, 'proved_at', '2026-03-01T12:00:00Z'), md5(n || '-' || k / 8) FROM made
    """,
    """
    INSERT INTO mentions (kind, id, occurred_at, event_id, name)
    SELECT 'account', account, at, event_id, name FROM made
    UNION ALL SELECT 'grid', grid, at, event_id, name FROM made WHERE name LIKE 'provisioner%'
    UNION ALL SELECT 'letter', event_id, at, event_id, name FROM made WHERE name LIKE 'notifier%'
    UNION ALL SELECT 'host', host, at, event_id, name FROM made WHERE k = 98
    """,
    """
    INSERT INTO links (id, kind, account_id, seen_at)
    SELECT DISTINCT grid, 'grid', account, $1::timestamptz FROM made
    UNION ALL SELECT DISTINCT host, 'host', account, $1::timestamptz FROM made
    UNION ALL SELECT event_id, 'letter', account, at FROM made WHERE name LIKE 'notifier%'
    """,
    """
    INSERT INTO addresses (account_id, kind, folded, email, since)
    SELECT DISTINCT account, 'own', 'p' || n || '@example.org', 'p' || n || '@example.org', $1::timestamptz FROM made
    """,
    """
    INSERT INTO sessions (session, who, token_print, began_at) SELECT decode(md5(k::text), 'hex'), 'ada', '\\x00', $1
    FROM generate_series(1, 2000) k
    """,
    """
    INSERT INTO counters (subject, window_at, uses) SELECT 'token:' || k, $1, 1 FROM generate_series(1, 2000) k
    """,
)


async def filled(desk: SupportPage, people: int) -> None:
    """So many accounts have happened."""
    first, *rest = _FILL
    for beginning in range(1, people + 1, 1000):
        async with desk.pool.transaction() as tx:
            await tx.execute(first, START, beginning, min(beginning + 999, people))
            for sql in rest[: len(rest) if beginning == 1 else -2]:
                await tx.execute(sql, *([START] if "$1" in sql else []))
            await tx.execute("DROP TABLE made")
    await desk.pool.execute("VACUUM ANALYZE")


async def asks_everything(desk: SupportPage, customer: Customer, asked: Asked) -> float:
    """All questions of the page, over a pool that listens; seconds that the slowest took."""
    slowest = 0.0
    end = timeline.the_end(START)
    story = await desk.pool.fetchval("SELECT correlation_id FROM events WHERE name LIKE 'billing%' LIMIT 1")
    letter = await desk.pool.fetchval("SELECT id FROM links WHERE kind = 'letter' LIMIT 1")
    async with listening_pool(desk.settings.database_url.reveal(), asked) as pool:
        site = _site(desk, pool)
        questions: list[Any] = [
            *(finding.find(pool, None, text) for text in (customer.ids["host_id"], letter, EMAIL, story)),
            finding.find(pool, None, "0193d5a0-0000-7000-8000-00000000abcd"),
            accounts.known(pool, customer.account),
            accounts.addresses(pool, customer.account),
            accounts.has(pool, customer.account, "grid", customer.ids["grid_id"]),
            timeline.newest(pool, customer.account, Sought(before=end)),
            timeline.newest(pool, customer.account, Sought(before=end, service="notifier")),
            timeline.newest(pool, customer.account, Sought(before=end, story=story)),
            sessions.who(site, b"x"),
            limited(site),
        ]
        for question in questions:
            began = time.monotonic()
            await question
            slowest = max(slowest, time.monotonic() - began)
        assert await read_whole(desk.pool, asked, *TABLES) == []
    return slowest


async def limited(site: Site) -> None:
    async with site.pool.transaction() as tx:
        await limits.use(tx, site, "token", "somewhere", 3)


def _site(desk: SupportPage, pool: Any) -> Site:
    templates: Any = None
    return Site(
        settings=desk.settings, pool=pool, clock=desk.clock, named={"ada": b"x"}, billing=None, templates=templates
    )


async def a_customer_of_many(desk: SupportPage) -> Customer:
    customer = Customer()
    customer.ids["host_id"] = str(await desk.pool.fetchval("SELECT md5('host7')::uuid"))
    await desk.hears(customer.event(SignupPaid), customer.event(InstanceReady))
    return customer


async def test_nothing_is_read_whole(desk: SupportPage) -> None:
    await filled(desk, 1000)
    await asks_everything(desk, await a_customer_of_many(desk), Asked())


async def test_forgetting_finds_what_is_old_by_index(desk: SupportPage) -> None:
    await filled(desk, 300)
    asked = Asked()
    await desk.clock.advance(desk.settings.events_kept - timedelta(days=4))
    async with listening_pool(desk.settings.database_url.reveal(), asked) as pool:
        page = SupportPage(pool, msgspec.structs.replace(desk.settings))
        page.clock = desk.clock
        assert await page.prune() > 0
    assert await read_whole(desk.pool, asked, "events", "mentions") == []


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_million_events_are_no_more_trouble(new_database: str, record_property: Any) -> None:

    await migrate(Secret(new_database), "s4_support")

    async with support_page(new_database) as desk:
        await filled(desk, 10_000)
        customer, asked = await a_customer_of_many(desk), Asked()
        slowest = await asks_everything(desk, customer, asked)
        async with desk.browser() as operator:
            await operator.sign_in()
            began = time.monotonic()
            assert (await operator.account(customer)).status == 200
            page = time.monotonic() - began
        events = await desk.count("events")
    record_property("note", f"support page: {events} events, slowest question {slowest:.3f} s, a page {page:.3f} s")
    assert events > 1_000_000

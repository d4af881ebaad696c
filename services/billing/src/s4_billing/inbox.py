"""Events of Stripe on their way in: stored once, handled at least once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from s4_runtime import Backoff
from s4_store import Leases, Pool, Record, Transaction, notify
from s4_stripe.deliveries import is_wanted
from s4_stripe.facts import Occurrence

CHANNEL = "billing_events"
LEASE = timedelta(seconds=60)
AGAIN = Backoff(base=timedelta(seconds=1), cap=timedelta(minutes=15))
# Stripe itself redelivers for three days; after one of ours a person must look.
GIVE_UP_AFTER = timedelta(hours=24)

LEASES = Leases(table="stripe_event", key="id")


async def receive(tx: Transaction, event: Occurrence, now: datetime, *, ours: bool) -> bool:
    """The event is stored, and the worker wakes; False if it was stored before."""
    due = ours and is_wanted(event.type)
    sql = (
        "insert into stripe_event (id, type, object_type, object_id, stripe_customer_id, state, happened_at,"
        " received_at, due_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing"
    )
    done = await tx.execute(
        sql,
        event.id,
        event.type,
        event.object_type,
        event.object_id,
        event.customer,
        "new" if due else "ignored",
        datetime.fromtimestamp(event.created, UTC),
        now,
        now if due else None,
    )
    if due and done == "INSERT 0 1":
        await notify(tx, CHANNEL)
    return done == "INSERT 0 1"


async def claim(pool: Pool, limit: int, now: datetime) -> list[Record]:
    """Due events, mine for a while. Whoever dies holding them loses them to another."""
    return await LEASES.claim(pool, limit, LEASE, now)


async def belongs_to(pool: Pool, event_id: str, stripe_customer_id: str) -> None:
    """The event is known to be about this customer."""
    await pool.execute("update stripe_event set stripe_customer_id = $2 where id = $1", event_id, stripe_customer_id)


async def handled(tx: Transaction, stripe_customer_id: str, tick: int) -> None:
    """Every event of the customer that was received before ``tick`` has had its effect, whoever holds it."""
    sql = (
        "update stripe_event set state = 'done', due_at = null, error = null, lease_token = null, lease_until = null"
        " where stripe_customer_id = $1 and state = 'new' and tick < $2"
    )
    await tx.execute(sql, stripe_customer_id, tick)


async def ignore(pool: Pool, event_ids: Sequence[str]) -> None:
    """The events are about nothing of ours."""
    sql = (
        "update stripe_event set state = 'ignored', due_at = null, lease_token = null, lease_until = null"
        " where id = any($1::text[]) and state = 'new'"
    )
    await pool.execute(sql, event_ids)


async def failed(pool: Pool, events: Sequence[Record], code: str, now: datetime, random: Random) -> int:
    """The events come again later, or are dead if they have failed for too long. How many died."""
    dead = 0
    for event in events:
        is_dead = now - event["received_at"] > GIVE_UP_AFTER
        sql = (
            "update stripe_event set state = $3, due_at = $4, error = $5, lease_token = null, lease_until = null"
            " where id = $1 and lease_token = $2 and state = 'new'"
        )
        done = await pool.execute(
            sql,
            event["id"],
            event["lease_token"],
            "dead" if is_dead else "new",
            None if is_dead else now + AGAIN.delay(event["attempts"], random),
            code,
        )
        dead += is_dead and done == "UPDATE 1"
    return dead

"""Handling an event of Stripe once more."""

from datetime import datetime

from s4_billing import inbox
from s4_store import Transaction, notify


async def replay(tx: Transaction, event_id: str, now: datetime) -> bool:
    """The event is due now, whatever became of it before; false if we never received it."""
    sql = (
        "update stripe_event set state = 'new', due_at = $2, received_at = $2, attempts = 0, error = null,"
        " lease_token = null, lease_until = null, tick = nextval('billing_tick') where id = $1"
    )
    done = await tx.execute(sql, event_id, now)
    await notify(tx, inbox.CHANNEL)
    return done == "UPDATE 1"

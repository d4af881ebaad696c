"""Whose an id of Stripe's is."""

from s4_store import Pool

_OF_STRIPE = """
    select account_id from billing_customer where stripe_customer_id = $1
    union select account_id from checkout where stripe_session_id = $1
    union select account_id from subscription where stripe_subscription_id = $1
    union select account_id from invoice where $1 in (stripe_invoice_id, stripe_charge_id)
    union select account_id from refund where stripe_refund_id = $1
    union select account_id from dispute where stripe_dispute_id = $1
    union select account_id from stripe_event join billing_customer using (stripe_customer_id) where id = $1
    order by account_id limit 100
"""


async def accounts_of_stripe(pool: Pool, stripe_id: str) -> list[dict[str, str]]:
    """The accounts that a thing at Stripe belongs to: a customer, a bill, a payment, a refund, an event."""
    return [dict(row) for row in await pool.fetch(_OF_STRIPE, stripe_id)]

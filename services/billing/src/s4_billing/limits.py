"""How many checkouts may be opened: counted before Stripe is asked for anything, because cards are tested in masses.

A person who hesitates, changes the plan or has no JavaScript opens several sessions of one checkout. So an address and
an e-mail are counted by checkouts, an account and all together by sessions.
"""

from datetime import datetime, timedelta

from prometheus_client import Counter

from s4_billing.errors import TooMany
from s4_billing.settings import Settings
from s4_billing.store import Checkout
from s4_runtime import get_logger
from s4_store import Transaction

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_LOCK = 0x5334_0001  # any number that no other advisory lock of this database has

REFUSED = Counter("billing_checkouts_refused_total", "Checkouts that were not opened because of a limit.", ["limit"])


async def count(tx: Transaction, checkout: Checkout, ip_hash: str | None, settings: Settings, now: datetime) -> None:
    """The session that is about to be made is counted. Raises TooMany if it is one too many; then it is not.

    Whoever counts holds the others back until ``tx`` ends, so that no limit is passed by asking at the same time.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)
    email = checkout.email.lower()
    sql = (
        "select count(distinct checkout_id) filter (where ip_hash = $1 and opened_at > $5 and checkout_id <> $4),"
        " count(distinct checkout_id) filter (where email = $2 and checkout_id <> $4),"
        " count(*) filter (where account_id = $3), count(*) filter (where opened_at > $5)"
        " from checkout_opening where opened_at > $6"
    )
    row = await tx.fetchrow(sql, ip_hash, email, checkout.account_id, checkout.id, now - HOUR, now - DAY)
    allowed = (
        ("address", settings.checkouts_per_address),
        ("email", settings.checkouts_per_email),
        ("account", settings.checkouts_per_account),
        ("total", settings.checkouts_per_hour),
    )
    for (limit, most), found in zip(allowed, row or (), strict=True):
        if found >= most:
            REFUSED.labels(limit).inc()
            log = get_logger().error if limit == "total" else get_logger().warning
            log("checkouts.limit", limit=limit, most=most, account=checkout.account_id)
            raise TooMany("too-many-checkouts", limit=limit)
    await tx.execute("delete from checkout_opening where opened_at < $1", now - 2 * DAY)
    sql = (
        "insert into checkout_opening (checkout_id, attempt, account_id, email, ip_hash, opened_at)"
        " values ($1, $2, $3, $4, $5, $6) on conflict do nothing"
    )
    await tx.execute(sql, checkout.id, checkout.attempt, checkout.account_id, email, ip_hash, now)

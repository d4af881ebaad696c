"""Our rows: customers, checkouts, subscriptions. Functions named for the question; the SQL is in them."""

from datetime import datetime
from typing import Literal

import msgspec

from s4_billing.derive import CheckoutState, EndReason, State, SuspendedFor
from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_runtime import context
from s4_store import Pool, Record, Transaction


class CustomerRow(msgspec.Struct, frozen=True):
    """An account and its customer at Stripe, if that is known. ``email_at``: when its owner chose another address."""

    account_id: str
    stripe_customer_id: str | None
    email: str
    synced_tick: int
    email_at: datetime | None = None


class Checkout(msgspec.Struct, frozen=True):
    """A person's way to pay. ``attempt`` counts the sessions; only the last may be open."""

    id: str
    account_id: str
    plan: str
    email: str
    ui: Literal["embedded", "hosted"]
    locale: str
    state: CheckoutState
    attempt: int
    stripe_session_id: str | None
    expires_at: datetime

    @property
    def command_key(self) -> str:
        """Of the command that makes this attempt's session."""
        return f"co:{self.id}:{self.attempt}"


class SubscriptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as our other services know it. ``revision`` rises with each change of the rest."""

    id: str
    stripe_subscription_id: str
    checkout_id: str | None
    plan: str | None
    state: State
    stripe_status: str
    ever_paid: bool
    duplicate: bool = False
    period_end: datetime | None = None
    cancel_at: datetime | None = None
    trial_end: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    delete_after: datetime | None = None
    deleted_at: datetime | None = None
    failing_invoice: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    suspends_at: datetime | None = None
    must_confirm: bool = False
    suspended_for: SuspendedFor | None = None
    disputed: bool = False
    pending_plan: str | None = None
    pending_plan_at: datetime | None = None
    review_at: datetime | None = None
    revision: int = 1

    @property
    def is_live(self) -> bool:
        """Whether it is the account's one subscription that has not ended."""
        return self.state is not State.ENDED and not self.duplicate

    @property
    def is_told(self) -> bool:
        """Whether the others know of it: a signup that was paid."""
        return self.ever_paid and self.checkout_id is not None and not self.duplicate


_FIELDS = SubscriptionRow.__struct_fields__
_PUT = (
    f"insert into subscription ({', '.join(_FIELDS)}, account_id, created_at, changed_at)"  # noqa: S608  our own names
    f" values ({', '.join(f'${place}' for place in range(1, len(_FIELDS) + 3))}, ${len(_FIELDS) + 2})"
    f" on conflict (id) do update set ({', '.join(_FIELDS[1:])}, changed_at)"
    f" = ({', '.join(f'excluded.{name}' for name in _FIELDS[1:])}, excluded.changed_at)"
)


def _checkout(row: Record) -> Checkout:
    return msgspec.convert(dict(row), Checkout)


async def next_tick(pool: Pool) -> int:
    """Later than everything that was received or applied until now."""
    return int(await pool.fetchval("select nextval('billing_tick')"))


async def locked_customer(tx: Transaction, account_id: str) -> CustomerRow | None:
    """The account's row; nobody else changes what belongs to the account until ``tx`` ends."""
    row = await tx.fetchrow("select * from billing_customer where account_id = $1 for update", account_id)
    return msgspec.convert(dict(row), CustomerRow) if row else None


async def customer(pool: Pool, account_id: str) -> CustomerRow | None:
    """The account's row."""
    row = await pool.fetchrow("select * from billing_customer where account_id = $1", account_id)
    return msgspec.convert(dict(row), CustomerRow) if row else None


async def account_of(pool: Pool, stripe_customer_id: str) -> str | None:
    """Whose customer it is."""
    account: str | None = await pool.fetchval(
        "select account_id from billing_customer where stripe_customer_id = $1", stripe_customer_id
    )
    return account


async def ensure_customer(tx: Transaction, account_id: str, email: str, now: datetime) -> None:
    """The account has a row."""
    sql = "insert into billing_customer (account_id, email, created_at) values ($1, $2, $3) on conflict do nothing"
    await tx.execute(sql, account_id, email, now)


async def keep_email(tx: Transaction, account_id: str, email: str, at: datetime) -> None:
    """The account's address is the one that its owner has confirmed."""
    sql = "update billing_customer set email = $2, email_at = $3 where account_id = $1"
    await tx.execute(sql, account_id, email, at)


async def name_customer(tx: Transaction, account_id: str, stripe_customer_id: str) -> bool:
    """The account's customer is known from now on; false if it has another one or there is no such account."""
    sql = (
        "update billing_customer set stripe_customer_id = $2 where account_id = $1"
        " and (stripe_customer_id is null or stripe_customer_id = $2)"
    )
    done = await tx.execute(sql, account_id, stripe_customer_id)
    return done == "UPDATE 1"


async def checkout(where: Pool | Transaction, checkout_id: str) -> Checkout | None:
    """The checkout, if we opened it."""
    row = await where.fetchrow("select * from checkout where id = $1", checkout_id)
    return _checkout(row) if row else None


async def unfinished_checkouts(where: Pool | Transaction, account_id: str) -> list[Checkout]:
    """What the account may still pay by, or has paid by without the money being here."""
    sql = "select * from checkout where account_id = $1 and state in ('open', 'pending') order by id"
    return [_checkout(row) for row in await where.fetch(sql, account_id)]


async def checkouts(where: Pool | Transaction, account_id: str) -> list[Checkout]:
    """All ways to pay that the account was ever given."""
    sql = "select * from checkout where account_id = $1 order by created_at, id"
    return [_checkout(row) for row in await where.fetch(sql, account_id)]


async def stale_accounts(pool: Pool, now: datetime) -> list[str]:
    """Accounts with a checkout whose time is over, although nobody told us how it ended."""
    sql = "select distinct account_id from checkout where state in ('open', 'pending') and expires_at < $1 limit 500"
    return [row["account_id"] for row in await pool.fetch(sql, now)]


async def forget_unmade_checkouts(pool: Pool, now: datetime) -> None:
    """Checkouts whose time is over and whose session was never made, nor will be, are expired."""
    sql = (
        "update checkout set state = 'expired', changed_at = $1 where state = 'open' and expires_at < $1"
        " and stripe_session_id is null and not exists (select from stripe_command where state in ('pending',"
        " 'unknown') and idempotency_key = 'co:' || checkout.id || ':' || checkout.attempt)"
    )
    await pool.execute(sql, now)


async def put_checkout(tx: Transaction, checkout: Checkout, now: datetime) -> None:
    """The row says what ``checkout`` says. A second open checkout of an account is refused by the table."""
    sql = (
        "insert into checkout (id, account_id, plan, email, ui, locale, state, attempt, stripe_session_id, expires_at,"
        " created_at, changed_at, traceparent) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)"
        " on conflict (id) do update set (plan, email, ui, locale, state, attempt, stripe_session_id, expires_at,"
        " changed_at) = ($3, $4, $5, $6, $7, $8, $9, $10, $11)"
    )
    await tx.execute(sql, *msgspec.structs.astuple(checkout), now, context.current().traceparent)


async def story_of(tx: Transaction, event: Event) -> context.Cause:
    """What the event is part of: a payment, of the signup that it is for; all else, of what is happening."""
    if not isinstance(event, SignupPaid):
        return context.current()
    return context.continued(await tx.fetchval("select traceparent from checkout where id = $1", event.signup_id))


async def name_session(tx: Transaction, command_key: str, stripe_session_id: str) -> None:
    """The attempt's session is known from now on."""
    _, checkout_id, attempt = command_key.split(":")
    sql = "update checkout set stripe_session_id = $3 where id = $1 and attempt = $2"
    await tx.execute(sql, checkout_id, int(attempt), stripe_session_id)


async def subscriptions(where: Pool | Transaction, account_id: str) -> list[SubscriptionRow]:
    """All that the account ever had, oldest first."""
    rows = await where.fetch("select * from subscription where account_id = $1 order by created_at, id", account_id)
    return [msgspec.convert(dict(row), SubscriptionRow) for row in rows]


async def put_subscription(tx: Transaction, account_id: str, row: SubscriptionRow, now: datetime) -> None:
    """The row says so. The table refuses a second live one of an account."""
    await tx.execute(_PUT, *msgspec.structs.astuple(row), account_id, now)


async def due_accounts(pool: Pool, now: datetime, limit: int) -> list[str]:
    """Accounts for which the clock alone has changed what Stripe's facts mean."""
    sql = (
        "select account_id from subscription where review_at <= $1 group by account_id order by min(review_at) limit $2"
    )
    return [row["account_id"] for row in await pool.fetch(sql, now, limit)]


async def review_later(pool: Pool, account_id: str, now: datetime, later: datetime) -> None:
    """What is due of the account is so again at ``later``."""
    sql = "update subscription set review_at = $3 where account_id = $1 and review_at <= $2"
    await pool.execute(sql, account_id, now, later)


async def review_soon(tx: Transaction, checkout_id: str, now: datetime) -> None:
    """The subscription that was bought by the checkout is looked at as soon as possible."""
    await tx.execute("update subscription set review_at = $2 where checkout_id = $1", checkout_id, now)


async def mark_deleted(tx: Transaction, checkout_id: str, at: datetime) -> None:
    """Nothing is stored any more of what was bought by the checkout."""
    sql = (
        "update subscription set deleted_at = $2, changed_at = $2, revision = revision + 1 where checkout_id = $1"
        " and deleted_at is null"
    )
    await tx.execute(sql, checkout_id, at)

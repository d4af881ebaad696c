"""Writes at Stripe that must happen once: the intent is a row before the call, and its key makes Stripe do it once.

Killed before the call, between call and answer, or before the answer is stored: the row is still pending, and who
performs it again, with the same key and the stored parameters, is given what the first call made.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from s4_runtime import Clock, Temporary, get_logger
from s4_store import Pool, Transaction
from s4_stripe.errors import CardDeclined, KeySpent, StripeRejected
from s4_stripe.facts import Customer, Invoice, Refund, Session, Subscription

# Stripe keeps a key for 24 hours at least (docs.stripe.com/api/idempotent_requests); older ones are looked up first.
KEY_LIFE = timedelta(hours=23)
# Younger ones are most likely still being performed by who wrote them.
SETTLE_AFTER = timedelta(seconds=30)

Made = Customer | Invoice | Refund | Session | Subscription
_CARD = "card:"  # how an error begins that was the bank's, not ours


class Intent(msgspec.Struct, frozen=True):
    """What is to be made, for whom, once for each ``key``."""

    key: str
    kind: str
    account_id: str
    params: Mapping[str, Any]


class Deed(msgspec.Struct, frozen=True):
    """How one kind of command is sent, found again when its key is too old, and recorded."""

    send: Callable[[Mapping[str, Any], str], Awaitable[Made]]
    find: Callable[[Intent], Awaitable[Made | None]]
    record: Callable[[Transaction, Intent, str], Awaitable[None]]


class Commands:
    """The commands of this service and how far they came."""

    def __init__(self, pool: Pool, clock: Clock, deeds: Mapping[str, Deed]) -> None:
        self._pool = pool
        self._clock = clock
        self._deeds = deeds

    async def write(self, tx: Transaction, intent: Intent) -> bool:
        """The intent is stored; false if its key was: then what was stored first holds."""
        return await written(tx, intent, self._clock.now())

    async def is_known(self, key: str, tx: Transaction | None = None) -> bool:
        """Whether the intent was stored, whatever has become of it."""
        sql = "select true from stripe_command where idempotency_key = $1"
        return bool(await (tx or self._pool).fetchval(sql, key))

    async def perform(self, key: str) -> Made | None:
        """What the command has made; None if that is recorded already (or there is no such command).

        Raises StripeRejected if Stripe will not, now or in an earlier try, CardDeclined if that is because the bank
        will not; StripeUnavailable or StripeBusy when the outcome is unknown: perform it again.
        """
        row = await self._pool.fetchrow("select * from stripe_command where idempotency_key = $1", key)
        if row is None or row["state"] == "ok":
            return None
        if row["state"] == "failed":
            raise _refusal(row["error"])
        intent = Intent(key, row["kind"], row["account_id"], json.loads(row["params"]))
        deed = self._deeds[intent.kind]
        try:
            made = await self._make(deed, intent, row["created_at"])
        except CardDeclined as error:
            await self._close(key, "failed", f"{_CARD}{error.ids.get('reason')}")
            get_logger().info("stripe.declined", command=key, **error.ids)
            raise
        except StripeRejected as error:
            await self._close(key, "failed", str(error.ids.get("reason")))
            get_logger().error("stripe.rejected", command=key, **error.ids)
            raise
        except Temporary as error:
            sql = (
                "update stripe_command set state = 'unknown', error = $2, tried_at = $3"
                " where idempotency_key = $1 and state in ('pending', 'unknown')"
            )
            await self._pool.execute(sql, key, str(error.ids.get("reason", error.code)), self._clock.now())
            raise
        async with self._pool.transaction() as tx:
            # First, because every transaction locks the customer before the command.
            await deed.record(tx, intent, made.id or "")
            sql = (
                "update stripe_command set state = 'ok', error = null, params = null, result_id = $2"
                " where idempotency_key = $1"
            )
            await tx.execute(sql, key, made.id)
        return made

    async def settle(self, follow: Callable[[str], Awaitable[None]] | None = None) -> None:
        """Every command that was left without an outcome has one, and whose they are is told to ``follow``.

        Raises Temporary if one has not; it is last then.
        """
        sql = (
            "select idempotency_key, account_id from stripe_command where state in ('pending', 'unknown')"
            " and tried_at < $1 order by tried_at limit 100"
        )
        rows = await self._pool.fetch(sql, self._clock.now() - SETTLE_AFTER)
        for row in rows:
            with suppress(StripeRejected):
                await self.perform(row["idempotency_key"])
            if follow is not None:
                await follow(row["account_id"])

    async def _make(self, deed: Deed, intent: Intent, created_at: datetime) -> Made:
        """What the command makes. With a key that is too old, or spent on a failure, what it has made is looked for."""
        is_old = self._clock.now() - created_at > KEY_LIFE
        if is_old and (found := await deed.find(intent)) is not None:
            return found
        try:
            return await deed.send(intent.params, intent.key)
        except KeySpent:
            if (found := await deed.find(intent)) is None:
                raise
            return found

    async def _close(self, key: str, state: str, error: str) -> None:
        sql = (
            "update stripe_command set state = $2, error = $3, params = null where idempotency_key = $1"
            " and state in ('pending', 'unknown')"
        )
        await self._pool.execute(sql, key, state, error)


async def written(tx: Transaction, intent: Intent, now: datetime) -> bool:
    """The intent is stored, and performed by who settles commands if by nobody else; false if its key was stored."""
    params = json.dumps(intent.params, sort_keys=True)
    sql = (
        "insert into stripe_command (idempotency_key, kind, account_id, params, params_hash, state, created_at,"
        " tried_at) values ($1, $2, $3, $4, $5, 'pending', $6, $6) on conflict do nothing"
    )
    digest = hashlib.sha256(params.encode()).hexdigest()
    done = await tx.execute(sql, *(intent.key, intent.kind, intent.account_id, params, digest, now))
    return done == "INSERT 0 1"


def _refusal(error: str) -> StripeRejected:
    """What was raised when the command failed."""
    if error.startswith(_CARD):
        return CardDeclined("card-declined", reason=error.removeprefix(_CARD))
    return StripeRejected("payment-service-rejected", reason=error)

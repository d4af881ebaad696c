"""Another plan: what it would cost to the cent, and then exactly that.

A larger plan holds from now on and is paid for at once, or nothing changes. A smaller one is charged from the next
period on; Stripe has it at once, and our metadata there says until when the larger one holds.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from s4_billing import store
from s4_billing.accounts import Held, subscription_of
from s4_billing.capacity import require_capacity
from s4_billing.catalogue import Plan
from s4_billing.changes import KIND
from s4_billing.clerk import Clerk
from s4_billing.commands import Intent
from s4_billing.derive import PREVIOUS_PLAN, PREVIOUS_UNTIL, State
from s4_billing.errors import NotNow, WrongWish
from s4_billing.usage import require_fit
from s4_runtime import Clock, get_logger, is_id, new_id
from s4_store import Pool, Transaction
from s4_stripe.errors import CardDeclined, StripeRejected
from s4_stripe.facts import Invoice, Item, Subscription

FORGOTTEN_AFTER = timedelta(days=1)  # what nobody agreed to


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan that a person would like."""

    plan: str


class Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was shown, and that it is wanted."""

    preview_id: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What was shown to a person."""

    id: str
    account_id: str
    subscription_id: str
    from_plan: str
    plan: str
    kind: Literal["upgrade", "downgrade"]
    proration_at: datetime | None
    amount_now: int
    currency: str
    revision: int
    created_at: datetime
    used_at: datetime | None = None


async def preview(clerk: Clerk, clock: Clock, account_id: str, wish: Wish) -> Mapping[str, Any]:
    """What the change would cost, kept for a while. Raises NoSuchAccount, NotNow, WrongWish, SignupClosed.

    Also DoesNotFit if more is stored than the plan holds, and SoldOut if it is larger and cannot be built now.
    """
    held = await clerk.held(account_id)
    fact = await clerk.fact(account_id, held)
    plan, item = _wanted(clerk, held, fact, wish), fact.items.data[0]
    before, now = clerk.catalogue.plans[held.plan or ""], clock.now()
    is_larger = plan.monthly >= before.monthly
    await _require_room(clerk.pool, clerk, now, held, plan, is_larger=is_larger)
    at = _within(now, item) if is_larger else None
    bill = None
    if at is not None and fact.status != "trialing":  # who has not paid yet has nothing to pay for a change
        bill = await clerk.api.preview_invoice(_asked(fact, clerk.catalogue.price_of(plan.id), at))
    shown = Preview(
        id=new_id(),
        account_id=account_id,
        subscription_id=held.id,
        from_plan=before.id,
        plan=plan.id,
        kind="upgrade" if is_larger else "downgrade",
        proration_at=at,
        amount_now=bill.amount_due if bill else 0,
        currency=plan.currency,
        revision=held.revision,
        created_at=now,
    )
    sql = "delete from plan_preview where account_id = $1 and used_at is null and created_at < $2"
    await clerk.pool.execute(sql, account_id, now - FORGOTTEN_AFTER)
    sql = (
        "insert into plan_preview (id, account_id, subscription_id, from_plan, plan, kind, proration_at, amount_now,"
        " currency, revision, created_at, used_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    )
    await clerk.pool.execute(sql, *msgspec.structs.astuple(shown))
    return _told(clerk, shown, plan, bill, datetime.fromtimestamp(item.current_period_end, UTC))


async def change(clerk: Clerk, clock: Clock, account_id: str, agreed: Agreed) -> Mapping[str, Any]:
    """The plan is what was shown, for what was shown.

    Raises NoSuchAccount, NotNow, CardDeclined; DoesNotFit or SoldOut if that has come about since it was shown.
    """
    key = f"plan:{account_id}:{agreed.preview_id}"
    if not is_id(agreed.preview_id):
        raise NotNow("preview-stale")
    if not await clerk.was_given(account_id, key):
        held = await clerk.held(account_id)
        fact = await clerk.fact(account_id, held)
        async with clerk.pool.transaction() as tx:
            await store.locked_customer(tx, account_id)
            if not await clerk.commands.is_known(key, tx):
                shown = await _use(tx, clerk, clock.now(), account_id, agreed.preview_id)
                price, plan = clerk.catalogue.price_of(shown.plan), clerk.catalogue.plans[shown.plan]
                await _require_room(tx, clerk, clock.now(), held, plan, is_larger=shown.kind == "upgrade")
                params = {"subscription": fact.id, "price": price, "change": _change(fact, price, shown)}
                await clerk.commands.write(tx, Intent(key, KIND, account_id, params))
    try:
        return await clerk.carry_out(account_id, key)
    except CardDeclined:
        raise
    except StripeRejected:  # the period has ended since, or somebody else has changed it
        get_logger().warning("plan.not-as-shown", account=account_id, preview=agreed.preview_id)
        raise NotNow("preview-stale") from None


def _wanted(clerk: Clerk, held: Held, fact: Subscription, wish: Wish) -> Plan:
    if wish.plan not in clerk.catalogue.plans:
        raise WrongWish("unknown-plan")
    plan, before = clerk.catalogue.plans[wish.plan], clerk.catalogue.plans.get(held.plan or "")
    if held.state is not State.ACTIVE or held.failing_invoice is not None:
        raise NotNow("payment-overdue")
    if held.pending_plan is not None or fact.pending_update is not None:
        raise NotNow("change-pending")
    if held.cancel_at is not None:
        raise NotNow("cancellation-scheduled")
    if plan.lookup_key == fact.items.data[0].price.lookup_key:
        raise NotNow("same-plan")
    if before is None or (before.currency, before.interval) != (plan.currency, plan.interval):
        raise NotNow("not-comparable")
    clerk.catalogue.price_of(plan.id)
    return plan


async def _require_room(
    where: Pool | Transaction, clerk: Clerk, now: datetime, held: Held, plan: Plan, *, is_larger: bool
) -> None:
    """The plan holds what is stored; a larger one, which may need another machine, can be built as well."""
    await require_fit(where, held.checkout_id, plan)
    if is_larger:
        await require_capacity(where, plan.id, now, clerk.settings.capacity_believed)


def _within(now: datetime, item: Item) -> datetime:
    """The moment, in the period that it has to be in, in whole seconds as Stripe counts."""
    moment = min(max(int(now.timestamp()), item.current_period_start), item.current_period_end)
    return datetime.fromtimestamp(moment, UTC)


def _asked(fact: Subscription, price: str, at: datetime) -> Mapping[str, Any]:
    details = {"items": [{"id": fact.items.data[0].id, "price": price}], **_at_once(at)}
    return {"subscription": fact.id, "subscription_details": details}


def _at_once(at: datetime) -> Mapping[str, Any]:
    return {"proration_behavior": "always_invoice", "proration_date": int(at.timestamp())}


def _change(fact: Subscription, price: str, shown: Preview) -> Mapping[str, Any]:
    """What is sent to Stripe. Nothing but the price may change in a call that waits for its payment."""
    item = fact.items.data[0]
    items = [{"id": item.id, "price": price}]
    if shown.proration_at is not None:
        return {"items": items, "payment_behavior": "pending_if_incomplete", **_at_once(shown.proration_at)}
    until = {PREVIOUS_PLAN: shown.from_plan, PREVIOUS_UNTIL: str(item.current_period_end)}
    return {"items": items, "proration_behavior": "none", "metadata": until}


async def _use(tx: Transaction, clerk: Clerk, now: datetime, account_id: str, preview_id: str) -> Preview:
    """What was shown, if it is still so. All others that were shown to the account before are stale from now on."""
    sql = "select * from plan_preview where id = $1 and account_id = $2"
    row = await tx.fetchrow(sql, preview_id, account_id)
    shown = msgspec.convert(dict(row), Preview) if row else None
    held = await subscription_of(tx, account_id)
    if (
        shown is None
        or held is None
        or shown.used_at is not None
        or (shown.subscription_id, shown.revision) != (held.id, held.revision)
        or now > shown.created_at + clerk.settings.preview_lifetime
    ):
        raise NotNow("preview-stale")
    await tx.execute("update plan_preview set used_at = $2 where account_id = $1 and used_at is null", account_id, now)
    return shown


def _told(clerk: Clerk, shown: Preview, plan: Plan, bill: Invoice | None, period_end: datetime) -> Mapping[str, Any]:
    lines = bill.lines.data if bill and bill.lines else []
    at = shown.created_at if shown.kind == "upgrade" else period_end
    return {
        "preview_id": shown.id,
        "plan": plan.id,
        "kind": shown.kind,
        "amount_now": shown.amount_now,
        "tax_now": bill.tax if bill else 0,
        "currency": shown.currency,
        "at": at.isoformat(),
        "next_amount": plan.amount,
        "next_at": period_end.isoformat(),
        "tax_extra": clerk.catalogue.tax_extra,
        "lines": [{"description": line.description or "", "amount": line.amount} for line in lines],
        "expires_at": (shown.created_at + clerk.settings.preview_lifetime).isoformat(),
    }

"""Every event of a shop, in the outbox of who told it and in the inbox of each who listens."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from s4_bus.topology import heard
from s4_shop.shop import Shop
from support.ledger import ONCE, SERVICES, Holdings, Ledger

_ONE_EACH = ("billing.signup-paid.v1", "provisioner.instance-ready.v1", "provisioner.furl-issued.v1")


@dataclass(frozen=True)
class Books:
    """`lost` names who has not heard what; `doubled` what was told twice of one account."""

    events: int
    deliveries: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unsent: int


async def balanced(shop: Shop) -> Books:
    """What the services' databases say now."""
    ledger = Ledger(shop)
    told = {service: await ledger.rows(service, "select id, type, body, sent_at from outbox") for service in SERVICES}
    had = {service: {row["id"] for row in await ledger.rows(service, "select id from inbox")} for service in SERVICES}
    rows = [row for each in told.values() for row in each]
    due = [(row["id"], row["type"], who) for row in rows for who in SERVICES if row["type"] in heard(who)]
    once = Counter(f"{row['type']} {json.loads(row['body'])['account_id']}" for row in rows if row["type"] in _ONE_EACH)
    return Books(
        events=len(rows),
        deliveries=len(due),
        lost=tuple(f"{kind} to {who}" for number, kind, who in due if number not in had[who]),
        doubled=tuple(what for what, times in once.items() if times > 1),
        unsent=sum(row["sent_at"] is None for row in rows),
    )


async def holdings(shop: Shop, emails: Iterable[str]) -> dict[str, Holdings]:
    """What each of these signups has, as the ledger counts it of one, by one look at everything."""
    ledger = Ledger(shop)
    accounts = {row["email"]: row["account_id"] for row in await ledger.rows("notifier", "select * from addressees")}
    grids = await ledger.rows("provisioner", "select id, account_id, host_id from grids")
    buckets, instances = ledger.buckets(), ledger.instances()
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for service in SERVICES:
        for row in await ledger.rows(service, "select type, body from outbox where type = any($1)", ONCE):
            body = json.loads(row["body"])
            if body.get("kind", "welcome") == "welcome":
                told[body["account_id"]][row["type"]] += 1
    found = {}
    for email in emails:
        account = str(accounts.get(email))
        mine = [row for row in grids if str(row["account_id"]) == account]
        names, hosts = {str(row["id"]) for row in mine}, {str(row["host_id"]) for row in mine}
        letters = {each["message_id"] for each in await ledger.letters(email) if "/claim?token=" in each["text"]}
        found[email] = Holdings(
            grids=len(mine),
            buckets=sum(any(name in bucket for name in names) for bucket in buckets),
            instances=sum(bool(hosts & set(tags)) for tags in instances),
            letters=len(letters),
            events=dict(told[account]),
        )
    return found


async def webhooks(shop: Shop) -> list[Mapping[str, Any]]:
    """Every try of Stripe's to deliver an event, the oldest first."""
    async with aiohttp.ClientSession() as session, session.get(f"{shop.urls['stripe-control']}/journal") as answer:
        made: list[Mapping[str, Any]] = (await answer.json())["deliveries"]
    return made

"""An account as events tell of it."""

from collections.abc import Mapping

import msgspec

from s4_store import Pool
from s4_support import timeline
from s4_support.timeline import Told
from s4_support.words import masked

# About each of what the newest events say what is true: those that are told again and again, apart from the rest.
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("subscription", ("billing.%",)),
    ("grid", ("provisioner.grid-%", "provisioner.instance-%", "provisioner.provisioning-failed.%")),
    ("grid", ("provisioner.deletion-scheduled.%", "provisioner.furl-issued.%")),
    ("grid", ("provisioner.provisioning-progressed.%", "provisioner.usage-measured.%")),
    ("letter", ("notifier.%",)),
    ("invite", ("invites.%",)),
)
_IDS = "SELECT kind, id FROM links WHERE account_id = $1 AND kind = ANY ($2) ORDER BY kind, seen_at DESC, id LIMIT 100"
_ADDRESSES = "SELECT kind, email, since FROM addresses WHERE account_id = $1 ORDER BY kind, since DESC, folded LIMIT 20"
_SHOWN_IDS = ["signup", "subscription", "grid", "host", "refund"]


class Address(msgspec.Struct, frozen=True):
    """An address for mail; ``is_masked`` until somebody asks, on record, to see it."""

    what: str
    email: str


class Known(msgspec.Struct, frozen=True):
    """The account, its other ids and addresses, and the newest event of each kind."""

    account_id: str
    ids: Mapping[str, list[str]]
    addresses: list[Address]
    latest: list[Told]


async def known(pool: Pool, account_id: str) -> Known | None:
    """What is known of the account; None if no event names it."""
    if await pool.fetchval("SELECT true FROM mentions WHERE kind = 'account' AND id = $1 LIMIT 1", account_id) is None:
        return None
    ids: dict[str, list[str]] = {}
    for row in await pool.fetch(_IDS, account_id, _SHOWN_IDS):
        ids.setdefault(row["kind"], []).append(row["id"])
    hidden = [Address(one.what, masked(one.email)) for one in await addresses(pool, account_id)]
    latest = [told for about, names in _PARTS for told in await timeline.latest(pool, account_id, [about], names)]
    return Known(account_id, ids, hidden, latest)


async def addresses(pool: Pool, account_id: str) -> list[Address]:
    """The account's addresses in full, the present one first."""
    rows = await pool.fetch(_ADDRESSES, account_id)
    own = [row["email"] for row in rows if row["kind"] == "own"]
    asked = [row["email"] for row in rows if row["kind"] == "wanted" and row["email"] not in own]
    return [
        *(Address("former address" if index else "address", email) for index, email in enumerate(own)),
        *(Address("asked for, not confirmed", email) for email in asked),
    ]


async def has(pool: Pool, account_id: str, kind: str, about: str) -> bool:
    """Whether events say that this thing is the account's."""
    sql = "SELECT true FROM links WHERE id = $1 AND kind = $2 AND account_id = $3"
    return bool(await pool.fetchval(sql, about, kind, account_id))

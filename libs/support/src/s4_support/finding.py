"""From whatever a customer or a log can name to the accounts that it may be."""

import re

import msgspec

from s4_runtime import PeerUnavailable, ServiceClient, is_id
from s4_store import Pool
from s4_support.mentions import KINDS, folded

MOST = 50
_STRIPE = re.compile(r"(?:cus|sub|si|in|ii|ch|py|pi|pm|re|pyr|evt|cs|du|dp|issfr)_[A-Za-z0-9_]{6,250}")
_STORY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_OF_ID = """
SELECT DISTINCT account_id, kind FROM (
    SELECT account_id, kind FROM links WHERE id = $1
    UNION ALL SELECT id, 'account' FROM (SELECT id FROM mentions WHERE kind = 'account' AND id = $1 LIMIT 1) one
    UNION ALL SELECT id, 'event' FROM mentions WHERE event_id = $1 AND kind = 'account'
) found ORDER BY account_id LIMIT 50
"""
# What was told of the id together with another one, whose account became known by another event.
_BESIDE = """
SELECT DISTINCT links.account_id, told.kind FROM (
    SELECT kind, event_id FROM mentions WHERE kind = ANY ($2) AND id = $1 ORDER BY occurred_at DESC LIMIT 200
) told JOIN mentions beside USING (event_id) JOIN links ON links.id = beside.id AND links.kind = beside.kind
WHERE beside.kind <> 'host' ORDER BY account_id LIMIT 50
"""
_OF_STORY = """
SELECT DISTINCT id AS account_id, 'story' AS kind FROM events JOIN mentions USING (event_id)
WHERE correlation_id = $1 AND kind = 'account' ORDER BY account_id LIMIT 50
"""
_OF_ADDRESS = """
SELECT account_id, CASE WHEN kind = 'wanted' THEN 'address asked for'
    WHEN since = (SELECT max(since) FROM addresses b WHERE b.account_id = a.account_id AND b.kind = 'own')
    THEN 'address' ELSE 'former address' END AS kind
FROM addresses a WHERE folded = $1 ORDER BY account_id LIMIT 50
"""


class Found(msgspec.Struct, frozen=True):
    """An account, and as what the words that were searched for are known of it."""

    account_id: str
    kind: str


class Finding(msgspec.Struct, frozen=True):
    """What was found, or in words why nothing was."""

    accounts: list[Found]
    words: str = ""


async def find(pool: Pool, billing: ServiceClient | None, asked: str) -> Finding:
    """The accounts that an id or an address may belong to."""
    text = asked.strip()
    if "@" in text:
        return _said(await _rows(pool, _OF_ADDRESS, folded(text)), "No account has, had or asked for this address.")
    if _STRIPE.fullmatch(text):
        return await _of_stripe(billing, text)
    if is_id(text.lower()):
        return _said(await _of_id(pool, text.lower()), "No event that is on record names this id.")
    if _STORY.fullmatch(text):
        return _said(await _rows(pool, _OF_STORY, text), "No event that is on record names this id.")
    return Finding([], "That is neither an id nor an address.")


async def _of_id(pool: Pool, text: str) -> list[Found]:
    found = await _rows(pool, _OF_ID, text)
    found = found or await _rows(pool, _BESIDE, text, list(KINDS.values()))
    return found or await _rows(pool, _OF_STORY, text)


async def _of_stripe(billing: ServiceClient | None, text: str) -> Finding:
    if billing is None:
        return Finding([], "This page is not allowed to ask billing, so it cannot tell whose an id of Stripe's is.")
    try:
        status, answer = await billing.call("GET", f"/operator/stripe/{text}")
    except PeerUnavailable:
        return Finding([], "Billing does not answer, so it is not known whose this id of Stripe's is. Try again soon.")
    if status == 200:
        accounts = [Found(one["account_id"], "id of Stripe's") for one in answer.get("accounts", ())]
        return _said(accounts[:MOST], "Billing knows no account with this id of Stripe's.")
    if status == 404 and answer.get("code") == "not-found":
        return Finding([], "This release of billing cannot tell whose an id of Stripe's is.")
    if status == 404:
        return Finding([], "Billing knows no account with this id of Stripe's.")
    return Finding([], "Billing refuses to tell whose this id of Stripe's is; its log says why.")


async def _rows(pool: Pool, sql: str, *args: object) -> list[Found]:
    return [Found(row["account_id"], row["kind"]) for row in await pool.fetch(sql, *args)]


def _said(found: list[Found], otherwise: str) -> Finding:
    return Finding(found, "" if found else otherwise)

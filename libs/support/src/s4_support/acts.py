"""An operator's deed: once for each form, with a reason, on record, and not too often."""

import msgspec

from s4_contracts.support import LetterRequested, LinkRequested
from s4_runtime import context
from s4_runtime.redaction import redact_text
from s4_store import Transaction
from s4_support import limits, records
from s4_support.site import AUDIT, Site
from s4_support.troubles import Refused

_FORM = """
INSERT INTO deeds (form_id, account_id, what, about, done_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wants to do to what ``about`` names, and why.

    ``form_id`` tells a second wish from a second click.
    """

    form_id: str
    who: str
    what: str
    account_id: str
    about: str
    reason: str


async def act(site: Site, wish: Act, event: LetterRequested | LinkRequested | None = None) -> bool:
    """It is done, told and on record; false for a form that was used, which does nothing more. Raises Refused."""
    async with site.pool.transaction() as tx:
        now = site.clock.now()
        tag = await tx.execute(_FORM, wish.form_id, wish.account_id, wish.what, wish.about, now)
        if tag.endswith(" 0"):
            await _check_same(tx, wish)
            return False
        if not await _is_within_limits(tx, site, wish):
            raise Refused("too-many-deeds")
        reason = redact_text(wish.reason)
        await AUDIT.note(tx, now, wish.who, wish.what, wish.account_id, thing=wish.about, reason=reason)
        if event is not None:
            event_id = await tx.emit(event, key=wish.form_id)
            said = {"operator": wish.who, "reason": reason}
            await records.put(tx, event, event_id, context.current().correlation_id, said)
    return True


async def _check_same(tx: Transaction, wish: Act) -> None:
    sql = "SELECT true FROM deeds WHERE form_id = $1 AND account_id = $2 AND what = $3 AND about = $4"
    if not await tx.fetchval(sql, wish.form_id, wish.account_id, wish.what, wish.about):
        raise Refused("form-used")


async def _is_within_limits(tx: Transaction, site: Site, wish: Act) -> bool:
    settings = site.settings
    if wish.what == "address-seen":
        return await limits.use(tx, site, "look", wish.who, settings.looks_per_operator)
    fits_operator = await limits.use(tx, site, "deed", wish.who, settings.deeds_per_operator)
    return await limits.use(tx, site, "deed-for", wish.account_id, settings.deeds_per_account) and fits_operator

"""Asking for the letter again."""

from datetime import timedelta

from s4_contracts.ids import AccountId, GridId, RequestId
from s4_contracts.web import InviteRequested
from s4_runtime import derived_id
from s4_web import limits
from s4_web.site import Site
from s4_web.troubles import Refused

_ONE_CLICK = timedelta(minutes=1)  # a second click within it asks for nothing new


async def ask_for_letter(site: Site, account_id: str, grid_id: str) -> None:
    """Have a new link sent to the owner's address. Raises Refused."""
    now = site.clock.now()
    settings = site.settings
    name = limits.subject(settings.cookie_key, "letter", grid_id)
    key = derived_id("invite", grid_id, limits.window_of(now, _ONE_CLICK).isoformat())
    async with site.pool.transaction() as tx:
        is_allowed = await limits.use(tx, name, settings.letters_per_grid, settings.limit_window, now)
        if is_allowed:
            event = InviteRequested(
                account_id=AccountId(account_id), grid_id=GridId(grid_id), request_id=RequestId(key), occurred_at=now
            )
            await tx.emit(event, key=key)
    if not is_allowed:
        raise Refused("too-many-letters")

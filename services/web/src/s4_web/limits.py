"""Limits that all replicas share, because they are counted in the database."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from aiohttp import web

from s4_contracts.ids import AccountId, GridId, RequestId
from s4_contracts.web import InviteRequested, SignInRequested
from s4_runtime import derived_id
from s4_store import Transaction
from s4_web.accounts.store import latest_of_address
from s4_web.address import client_address, neighbourhood
from s4_web.site import Site, site_of
from s4_web.troubles import Refused

_ONE_CLICK = timedelta(minutes=1)  # a second click within it asks for nothing new
_USE = """
INSERT INTO counters (subject, window_at, uses) VALUES ($1, $2, 1)
ON CONFLICT (subject, window_at) DO UPDATE SET uses = counters.uses + 1 RETURNING uses
"""


def window_of(now: datetime, length: timedelta) -> datetime:
    """The beginning of the window that ``now`` is in."""
    seconds = length.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def from_where(request: web.Request) -> str:
    """Where the request comes from, as it is counted."""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return neighbourhood(client_address(request.remote, forwarded, site_of(request).trusted))


def subject(site: Site, kind: str, text: str) -> str:
    """What stands for an address wherever uses are counted: nobody without our key can tell whose it is."""
    key = site.settings.cookie_key.reveal().encode()
    return hmac.new(key, f"limit:{kind}:{text}".encode(), hashlib.sha256).hexdigest()


async def use(tx: Transaction, site: Site, kind: str, text: str, limit: int) -> bool:
    """Count one use; true while there were at most ``limit`` in this window. The address itself is not kept."""
    length = site.settings.limit_window
    window = window_of(site.clock.now(), length)
    uses = await tx.fetchval(_USE, f"{kind}:{subject(site, kind, text)}", window)
    if uses == 1:
        await tx.execute("DELETE FROM counters WHERE window_at < $1", window - length)
    return bool(uses <= limit)


async def ask_to_sign_in(site: Site, email: str, address: str) -> None:
    """If an account is known by this address for mail, a link goes to it; nothing tells whether. Raises Refused."""
    now = site.clock.now()
    key = derived_id("sign-in", email.lower(), window_of(now, _ONE_CLICK).isoformat())
    async with site.pool.transaction() as tx:
        fits_address = await use(tx, site, "sign-in-from", address, site.settings.sign_ins_per_address)
        # Whoever asks too often adds no more rows, one for each address that they can think of.
        is_allowed = fits_address and await use(tx, site, "sign-in", email.lower(), site.settings.sign_ins_per_email)
        account_id = await latest_of_address(tx, email)
        if is_allowed and account_id is not None:
            event = SignInRequested(account_id=AccountId(account_id), request_id=RequestId(key), occurred_at=now)
            await tx.emit(event, key=key)
    if not is_allowed:
        raise Refused("too-many-sign-ins")


async def ask_for_letter(site: Site, account_id: str, grid_id: str) -> None:
    """Have a new link sent to the owner's address. Raises Refused."""
    now = site.clock.now()
    key = derived_id("invite", grid_id, window_of(now, _ONE_CLICK).isoformat())
    async with site.pool.transaction() as tx:
        is_allowed = await use(tx, site, "letter", grid_id, site.settings.letters_per_grid)
        if is_allowed:
            account, grid, request = AccountId(account_id), GridId(grid_id), RequestId(key)
            event = InviteRequested(account_id=account, grid_id=grid, request_id=request, occurred_at=now)
            await tx.emit(event, key=key)
    if not is_allowed:
        raise Refused("too-many-letters")

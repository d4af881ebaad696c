"""The claim: a letter's link, used once, shows the furl to its owner."""

from aiohttp import web
from msgspec.structs import replace

from s4_store import Transaction
from s4_web import store
from s4_web.accounts import reveals
from s4_web.claim_token import Claim
from s4_web.html import page, see_other
from s4_web.limits import ask_for_letter
from s4_web.owner.email import went_elsewhere
from s4_web.pages.furl import furl_page
from s4_web.security import FORM, browser_of
from s4_web.sessions import trace_of
from s4_web.site import site_of
from s4_web.troubles import Refused


async def _claim(request: web.Request, token: str) -> Claim:
    """The genuine claim in the link, if it is not another person's."""
    site = site_of(request)
    claim = site.verifier.read(token)
    if claim is None:
        raise Refused("claim-link-bad")
    browser = browser_of(request)
    accounts = await store.paid_accounts(site.pool, browser) if browser else set()
    if accounts and claim.account_id not in accounts:
        raise Refused("claim-link-foreign")
    # A letter to an address that the owner has given up opens nothing any more.
    return replace(claim, is_expired=True) if await went_elsewhere(site.pool, claim) else claim


async def _is_spent(request: web.Request, claim: Claim, tx: Transaction | None = None) -> bool:
    """Whether the link shows no furl any more: used, unless just now by this browser, whose answer may be lost."""
    site = site_of(request)
    since = site.clock.now() - site.settings.reread_window
    may_reread = await store.may_reread(tx or site.pool, claim.letter_id, browser_of(request), since)
    return claim.is_expired if may_reread is None else not may_reread


async def show(request: web.Request) -> web.Response:
    """A page with a button. Looking changes nothing: mail scanners open links too."""
    token = request.query.get("token", "")
    claim = await _claim(request, token)
    if await _is_spent(request, claim):
        return _again(request, token, claim)
    return page(request, "claim.html", token=token)


async def reveal(request: web.Request) -> web.Response:
    """The furl; the link is used up only where the furl was really there to be shown."""
    site, token, browser = site_of(request), request[FORM].get("token", ""), browser_of(request)
    claim = await _claim(request, token)
    if browser is None or await _is_spent(request, claim):
        return _again(request, token, claim)
    try:
        key = await site.provisioner.furl(claim.grid_id, claim.account_id, claim.claim_ref)
    except Refused as refusal:
        if refusal.code == "no-such-grid":
            raise
        return _again(request, token, claim, reason=refusal.code)
    whose = reveals.Claimed(claim.account_id, claim.grid_id, claim.claim_ref)
    async with site.pool.transaction() as tx:
        is_first = await store.burn(tx, claim.letter_id, claim.account_id, browser, site.clock.now())
        if not is_first and await _is_spent(request, claim, tx):
            return _again(request, token, claim)
        note = reveals.note_link if is_first else reveals.note_again
        await note(tx, claim.letter_id, whose, trace_of(request), site.clock.now())
    return furl_page(request, key)


def _again(request: web.Request, token: str, claim: Claim, *, reason: str = "") -> web.Response:
    why = reason or ("expired" if claim.is_expired else "used")
    return page(request, "claim_again.html", status=410, token=token, why=why)


async def ask_again(request: web.Request) -> web.Response:
    """A new letter, to the address that we know: an old link is good enough to ask for it."""
    claim = await _claim(request, request[FORM].get("token", ""))
    await ask_for_letter(site_of(request), claim.account_id, claim.grid_id)
    return see_other("/claim/sent")


async def sent(request: web.Request) -> web.Response:
    """The new letter is on its way."""
    return page(request, "claim_sent.html")

"""The claim: a letter's link, used once, shows the furl to its owner."""

import shlex

from aiohttp import web

from s4_contracts.ids import AccountId, GridId
from s4_contracts.web import FurlClaimed
from s4_web import store
from s4_web.claim_token import Claim
from s4_web.html import page, see_other
from s4_web.letters import ask_for_letter
from s4_web.provisioner_client import Key
from s4_web.security import FORM, browser_of
from s4_web.site import Site, site_of
from s4_web.troubles import Forbidden, Gone, NotThere


async def _claim(request: web.Request, token: str) -> Claim:
    """The genuine claim in the link, if it is not another person's."""
    site = site_of(request)
    claim = site.verifier.read(token)
    if claim is None:
        raise NotThere("claim-link-bad")
    browser = browser_of(request)
    accounts = await store.paid_accounts(site.pool, browser) if browser else set()
    if accounts and claim.account_id not in accounts:
        raise Forbidden("claim-link-foreign")
    return claim


async def _is_spent(request: web.Request, claim: Claim) -> bool:
    site = site_of(request)
    burn = await store.burn_of(site.pool, claim.letter_id)
    if burn is None:
        return claim.is_expired
    return not burn.is_open_to(browser_of(request), site.clock.now(), site.settings.reread_window)


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
    except Gone as gone:
        return _again(request, token, claim, reason=gone.code)
    if not await _burn(site, claim, browser):
        return _again(request, token, claim)
    return page(request, "furl.html", key=key, commands=commands(key))


async def _burn(site: Site, claim: Claim, browser: bytes) -> bool:
    """Use the link up for this browser; false when another browser was first."""
    now = site.clock.now()
    async with site.pool.transaction() as tx:
        before = await store.burn(tx, claim.letter_id, claim.account_id, browser, now)
        if before is not None:
            return before.is_open_to(browser, now, site.settings.reread_window)
        await tx.emit(
            FurlClaimed(
                account_id=AccountId(claim.account_id),
                grid_id=GridId(claim.grid_id),
                claim_ref=claim.claim_ref,
                occurred_at=now,
            ),
            key=claim.letter_id,
        )
        signup_id = await store.signup_of_account(tx, claim.account_id)
        if signup_id is not None:
            await store.say(tx, signup_id, claim.account_id, {"what": "claimed", "at": now})
            await tx.execute("UPDATE journeys SET claimed_at = $2 WHERE signup_id = $1", signup_id, now)
    return True


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


def commands(key: Key) -> dict[str, str]:
    """What to type, exactly. One server holds the whole grid, so one share is needed, enough and all there is."""
    shares = f"--shares-needed={key.shares.needed} --shares-happy={key.shares.happy} --shares-total={key.shares.total}"
    return {
        "create": f"tahoe create-client --introducer={shlex.quote(key.furl.reveal())} "
        f"--nickname={shlex.quote(key.nickname)} {shares} ~/s4-grid",
        "run": "tahoe run ~/s4-grid",
        "alias": "tahoe -d ~/s4-grid create-alias home",
        "put": "tahoe -d ~/s4-grid put FILE home:FILE",
        "get": "tahoe -d ~/s4-grid get home:FILE COPY",
    }

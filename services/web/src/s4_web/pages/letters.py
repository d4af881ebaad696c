"""An owner's letters: their language, and those that one can do without."""

from aiohttp import web

from s4_web.accounts import store
from s4_web.html import page, see_other
from s4_web.owner import letters
from s4_web.security import FORM
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused


async def speak(request: web.Request) -> web.Response:
    """All letters of this person are in that language from now on."""
    owner, known = await owned(request)
    site, language = site_of(request), request[FORM].get("language", "")
    if language not in letters.LANGUAGES:
        raise Refused("choose-language")
    async with site.pool.transaction() as tx:
        accounts = [each.account_id for each in owner.accounts]
        await letters.choose_language(tx, accounts, language, site.clock.now())
    return see_other(f"/account/{known.account_id}?done=language#settings-title")


async def choose(request: web.Request) -> web.Response:
    """This person gets reminders and checklists, or does not."""
    owner, known = await owned(request)
    site, wanted = site_of(request), request[FORM].get("wanted", "")
    if wanted not in {"yes", "no"}:
        raise Refused("bad-request")
    async with site.pool.transaction() as tx:
        accounts = [each.account_id for each in owner.accounts]
        await letters.choose_letters(tx, accounts, site.clock.now(), wanted=wanted == "yes")
    return see_other(f"/account/{known.account_id}?done=letters#settings-title")


def _account(request: web.Request, token: str) -> str:
    account_id = site_of(request).verifier.letters(token)
    if account_id is None:
        raise Refused("letters-link-bad")
    return account_id


async def offer_stop(request: web.Request) -> web.Response:
    """A page with a button. Looking stops nothing: mail scanners open links too."""
    token = request.query.get("token", "")
    _account(request, token)
    return page(request, "letters_stop.html", token=token, is_stopped=False)


async def stop(request: web.Request) -> web.Response:
    """No letters that one can do without, for none of this person's accounts.

    A mail program may send this by itself, without a cookie or a form of ours (RFC 8058): the token decides.
    """
    site, token = site_of(request), request.query.get("token", "")
    account_id = _account(request, token)
    known = await store.same_address(site.pool, account_id)
    async with site.pool.transaction() as tx:
        accounts = {account_id, *(each.account_id for each in known)}
        await letters.choose_letters(tx, sorted(accounts), site.clock.now(), wanted=False)
    return page(request, "letters_stop.html", token=token, is_stopped=True)

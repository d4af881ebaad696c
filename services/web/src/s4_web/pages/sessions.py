"""Where somebody is signed in to this person's account, and how to end that."""

from functools import partial

from aiohttp import web

from s4_runtime import is_id
from s4_web import sessions
from s4_web.accounts import visits
from s4_web.accounts.ago import ago
from s4_web.html import page, see_other
from s4_web.sessions import Owner
from s4_web.site import site_of
from s4_web.troubles import Refused


def _accounts(owner: Owner) -> list[str]:
    return [known.account_id for known in owner.accounts]


async def show(request: web.Request) -> web.Response:
    """All sign-ins that go on, this one marked."""
    owner, site = await sessions.owner_of(request), site_of(request)
    found = await visits.sign_ins(site.pool, _accounts(owner), sessions.oldest(site))
    return page(
        request,
        "sessions.html",
        owner=owner,
        sign_ins=found,
        ago=partial(ago, now=site.clock.now()),
        age=site.settings.session_age,
        done=request.query.get("done", ""),
    )


async def end(request: web.Request) -> web.Response:
    """That sign-in is over at once; who ends their own is signed out. Ended twice is ended."""
    owner, letter_id = await sessions.owner_of(request), request.match_info["session_id"]
    if not is_id(letter_id):
        raise Refused("not-found")
    await visits.end(site_of(request).pool, _accounts(owner), letter_id)
    if letter_id != owner.session.letter_id:
        return see_other("/account/sessions?done=ended")
    response = see_other("/")
    sessions.forget(request, response)
    return response


async def end_others(request: web.Request) -> web.Response:
    """This sign-in is the only one that goes on."""
    owner = await sessions.owner_of(request)
    await visits.end_others(site_of(request).pool, _accounts(owner), owner.session.letter_id)
    return see_other("/account/sessions?done=others")

"""One account: what is true now, and everything that happened."""

from aiohttp import web

from s4_runtime import is_id
from s4_support import standing, timeline
from s4_support.accounts import Known, known
from s4_support.drawing import SERVICES, drawing
from s4_support.html import page
from s4_support.site import site_of
from s4_support.timeline import Sought
from s4_support.troubles import Refused
from s4_support.words import SAID

_KINDS = sorted({name.split(".")[1] for name in SAID})
_MOST_LETTERS = 30


async def account_of(request: web.Request) -> Known:
    """The account that the address names. Raises Refused."""
    account_id = request.match_info["account_id"]
    found = await known(site_of(request).pool, account_id) if is_id(account_id) else None
    if found is None:
        raise Refused("no-such-account")
    return found


async def show(request: web.Request) -> web.Response:
    """The whole account."""
    site, account = site_of(request), await account_of(request)
    sought = _sought(request)
    events = await timeline.newest(site.pool, account.account_id, sought)
    now = site.clock.now()
    return page(
        request,
        "account.html",
        account=account,
        lines=standing.lines(account.latest, now),
        letters=standing.letters(account.latest)[:_MOST_LETTERS],
        grids=standing.grids(account.latest),
        stories=timeline.stories(events),
        drawing=drawing(events),
        sought=sought,
        services=SERVICES,
        kinds=_KINDS,
        older=timeline.name_of(events[-1]) if len(events) == timeline.PAGE else "",
        is_newest="before" not in request.query,
    )


def _sought(request: web.Request) -> Sought:
    query = request.query
    before = timeline.place_of(query["before"]) if "before" in query else timeline.the_end(site_of(request).clock.now())
    service, kind, story = (query.get(name, "") for name in ("service", "kind", "story"))
    if before is None or service not in {"", *SERVICES} or kind not in {"", *_KINDS} or not timeline.is_story(story):
        raise Refused("bad-request")
    return Sought(before=before, service=service, kind=kind, story=story)

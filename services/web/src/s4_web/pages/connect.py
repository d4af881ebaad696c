"""Getting connected: what to do for each kind of client, and who has seen the furl."""

from aiohttp import web

from s4_runtime import new_id
from s4_web.accounts import reveals, store
from s4_web.connecting import commands
from s4_web.html import page
from s4_web.sessions import owned
from s4_web.site import site_of
from s4_web.troubles import Refused


async def show(request: web.Request) -> web.Response:
    """Everything but the furl, which is a button away."""
    owner, known = await owned(request)
    site = site_of(request)
    grid = await store.grid_of(site.pool, known.signup_id)
    if grid.get("claim_ref") is None:
        raise Refused("not-ready-yet")
    return page(
        request,
        "connect.html",
        owner=owner,
        account_id=known.account_id,
        reveals=await reveals.reveals_of(site.pool, known.account_id),
        without=commands.create_without_furl(commands.SHARES),
        paste=commands.paste_furl(),
        steps=commands.FirstSteps(),
        request_id=new_id(),
        file_id=new_id(),
        done=request.query.get("done", ""),
    )

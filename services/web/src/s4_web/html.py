"""Turning templates into answers."""

import json
import shlex
from collections.abc import Mapping
from functools import cache

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from jinja2 import Environment, PackageLoader, StrictUndefined

from s4_runtime.words import day, moment, size
from s4_web import security, sessions, words
from s4_web.site import site_of
from s4_web.troubles import Words

_RETRY_SECONDS = 30


def environment(static: web.StaticResource) -> Environment:
    """Templates that escape everything and stumble over a missing value."""
    found = Environment(
        loader=PackageLoader("s4_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # templates do not change while this process lives
    )
    # Each file is read once for its version: it does not change while this process lives.
    found.globals["static"] = cache(lambda name: str(static.url_for(filename=name, append_version=True)))
    found.filters |= {"price": words.price, "size": size, "duration": words.duration, "shell": shlex.quote}
    found.filters |= {"bill": words.bill, "at_least": words.at_least, "day": day, "moment": moment}
    found.filters |= {"span": words.span, "place": words.place}
    return found


def page(request: web.Request, template: str, *, status: int = 200, **values: object) -> web.Response:
    """The template's text as an answer."""
    site = site_of(request)
    text = site.templates.get_template(template).render(
        **values,
        path=request.path,
        csrf=lambda: security.csrf_token(request),
        mail_from=site.settings.mail_from,
        promised=site.settings,
        is_signed_in=sessions.is_signed_in(request),
    )
    headers = {"Retry-After": str(_RETRY_SECONDS)} if status in {429, 503} else None
    response = web.Response(text=text, status=status, content_type="text/html", headers=headers)
    security.give_cookie(request, response)
    return response


def error_pages(table: Mapping[str, Words]) -> Middleware:
    """Give a person a page where a program gets {"code": ...}; both get the status that the table has for the code."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        is_bare = response.status >= 400 and response.content_type == "application/json"
        if not is_bare or not isinstance(response, web.Response):
            return response
        code = str(json.loads(response.text or "{}").get("code"))
        said = table.get(code, table["internal-error"])
        if "application/json" in request.headers.get("Accept", ""):
            response.set_status(said.status)
            return response
        answer = page(request, "error.html", status=said.status, words=said, code=code)
        if "Allow" in response.headers:
            answer.headers["Allow"] = response.headers["Allow"]
        return answer

    return middleware


def see_other(place: str) -> web.Response:
    """Send the browser on, with a GET."""
    return web.Response(status=303, headers={"Location": place})

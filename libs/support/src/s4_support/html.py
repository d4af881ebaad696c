"""Turning templates into answers."""

import json

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined

from s4_runtime.words import day, moment
from s4_support import security, words
from s4_support.site import site_of
from s4_support.troubles import WORDS


def environment(static: web.StaticResource) -> Environment:
    """Templates that escape everything and stumble over a missing value."""
    found = Environment(
        loader=PackageLoader("s4_support"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["static"] = lambda name: static.url_for(filename=name, append_version=True)
    found.filters |= {"moment": moment, "second": words.second, "day": day}
    found.filters |= {"said": words.said, "shown": words.shown}
    return found


def page(request: web.Request, template: str, *, status: int = 200, **values: object) -> web.Response:
    """The template's text as an answer."""
    text = (
        site_of(request)
        .templates.get_template(template)
        .render(
            **values,
            path=request.path,
            who=request.get(security.WHO),
            csrf=lambda: security.csrf_token(request),
        )
    )
    response = web.Response(text=text, status=status, content_type="text/html")
    security.give_cookie(request, response)
    return response


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where a program would get {"code": ...}, a person gets a page."""
    response = await handler(request)
    if response.status < 400 or response.content_type != "application/json" or not isinstance(response, web.Response):
        return response
    code = str(json.loads(response.text or "{}").get("code"))
    said = WORDS.get(code) or WORDS["unavailable" if response.status == 503 else "internal-error"]
    answer = page(request, "error.html", status=said.status, words=said)
    if "Allow" in response.headers:
        answer.headers["Allow"] = response.headers["Allow"]
    return answer


def see_other(place: str) -> web.Response:
    """Send the browser on, with a GET."""
    return web.Response(status=303, headers={"Location": place})

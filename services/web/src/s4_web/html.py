"""Turning templates into answers."""

import json
from datetime import timedelta

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined

from s4_web import security, words
from s4_web.site import site_of
from s4_web.statics import Statics
from s4_web.troubles import words_for

_RETRY = timedelta(seconds=30)


def environment(statics: Statics) -> Environment:
    """Templates that escape everything and stumble over a missing value."""
    found = Environment(
        loader=PackageLoader("s4_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["static"] = statics.href
    found.filters |= {"price": words.price, "size": words.size, "duration": words.duration}
    return found


def page(request: web.Request, template: str, *, status: int = 200, **values: object) -> web.Response:
    """The template's text as an answer."""
    site = site_of(request)
    text = site.templates.get_template(template).render(
        **values,
        path=request.path,
        csrf=lambda: security.csrf_token(request),
        mail_from=site.settings.mail_from,
    )
    headers = {"Retry-After": str(int(_RETRY.total_seconds()))} if status in {429, 503} else None
    response = web.Response(text=text, status=status, content_type="text/html", headers=headers)
    security.give_cookie(request, response)
    return response


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give a person a page where a program would get {"code": ...}."""
    response = await handler(request)
    is_bare = isinstance(response, web.Response) and response.content_type == "application/json"
    if response.status < 400 or not is_bare or "application/json" in request.headers.get("Accept", ""):
        return response
    assert isinstance(response, web.Response)  # noqa: S101  for the type checker: is_bare says so
    code = json.loads(response.text or "{}").get("code", "")
    answer = page(request, "error.html", status=response.status, words=words_for(code), code=code)
    if "Allow" in response.headers:
        answer.headers["Allow"] = response.headers["Allow"]
    return answer


def see_other(place: str) -> web.Response:
    """Send the browser on, with a GET."""
    return web.Response(status=303, headers={"Location": place})

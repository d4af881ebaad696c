"""What is different in the v2 API: JSON in, other errors, and lists whose pages are addresses."""

import json
import urllib.parse
from typing import Any

from aiohttp import web

from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.forms import Raw
from s4_devcloud.stripe.problems import Problem, invalid
from s4_devcloud.stripe.wire import Wire

_DEFAULT, _MOST = 20, 100
_CODES = {404: "not_found", 401: "unauthorized", 409: "conflict", 429: "rate_limit_exceeded"}


def is_version2(path: str) -> bool:
    """Whether the path belongs to it."""
    return path.startswith("/v2/")


async def read_json(http: web.Request) -> Raw:
    """The body as the form that says the same, for the same checks. Raises Problem for anything but an object."""
    if not http.can_read_body:
        return {}
    if http.content_type != "application/json":
        raise invalid(f"Invalid request: the v2 API takes JSON bodies, not {http.content_type}.")
    try:
        body = _raw(json.loads(await http.read()))
    except (ValueError, RecursionError):
        raise invalid("Invalid request: the body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid("Invalid request: the body is not a JSON object.")
    return body


def _raw(value: Any) -> str | Raw:
    match value:
        case dict():
            return {str(name): _raw(inner) for name, inner in value.items()}
        case list():
            return {str(index): _raw(inner) for index, inner in enumerate(value)}
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case _:
            return str(value)


def problem_body(problem: Problem) -> Wire:
    """An error in the shape of the v2 API."""
    code = problem.code or _CODES.get(problem.status, "invalid_request")
    error: Wire = {"code": code, "message": problem.message}
    if problem.kind == "idempotency_error":
        error["type"] = problem.kind
    if problem.status == 429:
        error["type"] = "rate_limit"
    return {"error": error}


def page(call: Call, path: str, rows: list[Wire]) -> Wire:
    """The asked page of the rows, with the addresses of its neighbours."""
    limit = call.params.get("limit", _DEFAULT)
    if not 1 <= limit <= _MOST:
        raise invalid(f"limit must be between 1 and {_MOST}.", "limit")
    first = _position(rows, call.params.get("page"))
    query = {name: value for name, value in call.params.items() if name not in ("page", "include")}
    return {
        "data": rows[first : first + limit],
        "next_page_url": _address(path, query, rows, first + limit) if first + limit < len(rows) else None,
        "previous_page_url": _address(path, query, rows, max(first - limit, 0)) if first > 0 else None,
    }


def _position(rows: list[Wire], token: str | None) -> int:
    """Where the page begins whose first row has this name."""
    if token is None:
        return 0
    for index, row in enumerate(rows):
        if row["id"] == token:
            return index
    raise invalid("The page does not exist.", "page")


def _address(path: str, query: Wire, rows: list[Wire], first: int) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, dict):
            pairs += [(f"{name}[{key}]", str(inner)) for key, inner in value.items()]
        elif isinstance(value, list):
            pairs += [(f"{name}[{index}]", str(inner)) for index, inner in enumerate(value)]
        else:
            pairs.append((name, str(value)))
    return f"{path}?{urllib.parse.urlencode([*pairs, ('page', rows[first]['id'])])}"

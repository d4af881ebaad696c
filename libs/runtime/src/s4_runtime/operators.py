"""Who an operator is: each has a token of their own, so that the audit can name them."""

import hmac
import re
from collections.abc import Iterator, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from s4_runtime.secret import Secret

# What a person would be able to guess is no token.
SHORTEST = 24
_NAMED = re.compile(rf"([a-z][a-z0-9.-]{{0,39}}):(\S{{{SHORTEST},}})")
OPERATOR = web.RequestKey("operator", str)
# In a request: the deployment that the operator means. In an answer: the one that it comes from.
DEPLOYMENT = "S4-Deployment"


def read(tokens: Sequence[Secret]) -> dict[str, bytes] | None:
    """Each operator's token by name; None if one is not of the form NAME:TOKEN or a name is there twice."""
    found = [_NAMED.fullmatch(token.reveal()) for token in tokens]
    named = {match[1]: match[2].encode() for match in found if match}
    return named if len(named) == len(tokens) else None


def problems(tokens: Sequence[Secret]) -> Iterator[str]:
    """Why a service must not start with these tokens."""
    if read(tokens) is None:
        yield f"S4_OPERATOR_TOKENS must be NAME:TOKEN, each name once, tokens of {SHORTEST} characters or more"


def operators_only(named: dict[str, bytes], deployment: str) -> Middleware:
    """Refuse with 401 who shows no operator's token; ``request[OPERATOR]`` is the name of who does.

    Every answer says which deployment gave it. Who means another one is refused with 409 before anything is done.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        # No early end: the time taken tells nothing about which name fits.
        fits = [name for name, token in named.items() if hmac.compare_digest(shown, b"Bearer " + token)]
        if not fits:
            return web.json_response({"code": "operator-token-required"}, status=401)
        request[OPERATOR] = fits[0]
        if request.headers.get(DEPLOYMENT, deployment) != deployment:
            return web.json_response({"code": "wrong-deployment"}, status=409, headers={DEPLOYMENT: _said(deployment)})
        answer = await handler(request)
        if not answer.prepared:
            answer.headers[DEPLOYMENT] = _said(deployment)
        return answer

    return check


def _said(deployment: str) -> str:
    return "".join(sign for sign in deployment if sign.isascii() and sign.isprintable())

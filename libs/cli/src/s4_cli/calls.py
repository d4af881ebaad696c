"""One call to a service's operator listener."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from s4_cli.access import Access
from s4_runtime import Permanent, Temporary
from s4_runtime.operators import DEPLOYMENT

_PATIENCE = 600  # seconds: a look at ten thousand subscriptions takes minutes


async def call(access: Access, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The JSON that the service answers with.

    Raises Permanent when it refuses, or belongs to another deployment than is meant (then nothing was done), Temporary
    when it cannot be reached.
    """
    headers = {"Authorization": f"Bearer {access.token.reveal()}"}
    if access.deployment:
        headers[DEPLOYMENT] = access.deployment
    timeout = aiohttp.ClientTimeout(total=_PATIENCE, connect=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, access.url + path, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            told = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        raise Temporary("service-unreachable", url=access.url) from None
    answered = answer.headers.get(DEPLOYMENT, access.deployment)
    if access.deployment and answered != access.deployment:
        raise Permanent("wrong-deployment", asked=access.deployment, answered=answered)
    if not isinstance(told, dict):
        raise Temporary("service-unreachable", url=access.url)
    if answer.status >= 500 or answer.status == 429:
        raise Temporary(str(told.get("code", "service-failed")), status=answer.status)
    if answer.status != 200:
        raise Permanent(str(told.get("code", "refused")), status=answer.status)
    return told

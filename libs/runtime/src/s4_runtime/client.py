"""Calling another service of ours."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from s4_runtime import context
from s4_runtime.errors import Temporary
from s4_runtime.secret import Secret
from s4_runtime.spans import span


class PeerUnavailable(Temporary):
    """The other service did not answer, or not in its own words."""


def peers() -> aiohttp.ClientSession:
    """Connections to other services, for one call each.

    A replica may end between two calls, and what is asked on a connection that is just being closed has no answer;
    and a Kubernetes Service spreads connections over a peer's replicas, not calls.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


class ServiceClient:
    """One peer, spoken to in JSON with its service token."""

    def __init__(self, peer: str, base_url: str, token: Secret, session: aiohttp.ClientSession) -> None:
        self._peer = peer
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._session = session

    async def call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, seconds: float = 10.0
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer. Raises PeerUnavailable on 5xx without JSON, silence or nonsense."""
        with span(f"call {self._peer}", "client") as note:
            status, answer = await self._call(method, path, body, seconds)
            note("http.response.status_code", status)
        return status, answer

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None, seconds: float
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token.reveal()}", **context.to_headers(context.current())}
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, self._base_url + path, json=body, headers=headers) as response,
            ):
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise PeerUnavailable(f"{self._peer}-unavailable") from None
        if not isinstance(answer, dict):
            raise PeerUnavailable(f"{self._peer}-unavailable")
        return response.status, answer

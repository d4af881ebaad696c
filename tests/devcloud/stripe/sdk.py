"""The SDK's aiohttp transport, as it should be, with a memory for what it was answered."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import stripe


class CheckedClient(stripe.AIOHTTPClient):
    """Reads bodies inside the request's timeout and gives the connection back (the SDK's own does neither)."""

    def __init__(self, seconds: float = 5) -> None:
        super().__init__(timeout=aiohttp.ClientTimeout(total=seconds))
        self.answers: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        arguments, keywords = self._get_request_args_kwargs(method, url, headers, post_data)
        try:
            async with self._session.request(*arguments, **keywords) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._handle_request_error(error)
        if response.content_type == "application/json":
            self.answers.append(json.loads(body))
        self.headers.append(response.headers)
        return body, response.status, response.headers

    async def aclose(self) -> None:
        await self.close_async()  # type: ignore[no-untyped-call]  # the SDK does not say

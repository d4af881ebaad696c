"""A customer in the portal, without a browser's window."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import stripe
from stripe.billing_portal import Session

from devcloud.stripe.shop import GOOD, a_form


async def a_portal(client: stripe.StripeClient, customer: str, **changes: Any) -> Session:
    """A session for the customer."""
    params: dict[str, Any] = {"customer": customer, "return_url": "http://shop.test/account", **changes}
    sent = {name: value for name, value in params.items() if value is not None}
    return await client.v1.billing_portal.sessions.create_async(sent)  # type: ignore[arg-type]  # wrong ones are sent too


@dataclass(frozen=True)
class Visitor:
    """Somebody who has the address of a session."""

    browser: aiohttp.ClientSession
    url: str

    async def look(self, path: str = "") -> tuple[int, str]:
        """Status and text of a page, after the redirects that lead to it."""
        async with self.browser.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def send(self, path: str, **fields: str) -> tuple[int, str, str | None]:
        """Status and text of the answer to a form, and where it leads."""
        async with self.browser.post(self.url + path, data=fields, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location")

    async def add_card(self, number: str = GOOD, **changes: str) -> tuple[int, str, str | None]:
        """Type a card into the form for another one."""
        return await self.send("/card", **a_form(number, **changes))

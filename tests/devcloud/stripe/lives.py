"""One customer's whole life with a subscription: bought on the page, then time passes."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import GOOD, a_session, type_card

HOUR, DAY = 3600, 24 * 3600
ALWAYS_AUTHENTICATE, DECLINED_LATER = "4000 0027 6000 3184", "4000 0000 0000 0341"


@dataclass
class Life:
    """Somebody who holds the SDK, a browser and the clock."""

    client: stripe.StripeClient
    browser: aiohttp.ClientSession
    control: Control

    async def subscribe(self, number: str = GOOD, **changes: Any) -> stripe.Subscription:
        """A subscription bought with this card; `changes` are the session's."""
        session = await a_session(self.client, **changes)
        status, page, _ = await type_card(self.browser, session.url, number)
        if number == ALWAYS_AUTHENTICATE:
            async with self.browser.post(
                f"{session.url}/authenticate", data={"outcome": "complete"}, allow_redirects=False
            ) as answer:
                assert answer.status == 303
        else:
            assert status == 303, page
        paid = await self.client.v1.checkout.sessions.retrieve_async(session.id)
        return await self.again(str(paid.subscription))

    async def again(self, subscription: stripe.Subscription | str) -> stripe.Subscription:
        name = subscription if isinstance(subscription, str) else subscription.id
        return await self.client.v1.subscriptions.retrieve_async(name)

    async def card(self, number: str, behaviour: str) -> None:
        await self.control.post("/cards", number=number, behaviour=behaviour)

    async def now(self) -> int:
        return int((await self.control.get("/state"))["now"])

    async def go_to(self, moment: int) -> None:
        """Let time pass until then."""
        await self.control.post("/clock/advance", seconds=moment - await self.now())

    async def wait(self, seconds: int) -> None:
        await self.control.post("/clock/advance", seconds=seconds)

    async def invoices(self, subscription: stripe.Subscription) -> list[stripe.Invoice]:
        """All its invoices, the newest first."""
        return (await self.client.v1.invoices.list_async({"subscription": subscription.id, "limit": 100})).data

    async def said(self, *types: str, since: int = 0) -> list[dict[str, Any]]:
        """What happened, the oldest first."""
        asked: Any = {"limit": 100, "created": {"gte": since}} | ({"types": list(types)} if types else {})
        events = await self.client.v1.events.list_async(asked)
        return [event.to_dict() for event in events.data[::-1]]


def period(subscription: stripe.Subscription) -> tuple[int, int]:
    """What the first item has been paid for."""
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end

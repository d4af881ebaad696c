"""Somebody who has bought, and what web asks billing for them."""

from datetime import timedelta
from typing import Any

import aiohttp

from s4_runtime import new_id
from support.billing_service import Billing, a_wish
from support.stripe_double import GOOD_CARD
from support.waiting import until


class Subscriber:
    """One account with a subscription."""

    def __init__(self, billing: Billing, account_id: str) -> None:
        self.billing = billing
        self.id = account_id

    @classmethod
    async def of(cls, billing: Billing, card: str = GOOD_CARD, **wish: Any) -> "Subscriber":
        """Bought, and every event about it is handled."""
        wished = a_wish(**wish)
        await billing.double.pay(await billing.open(wished), card)
        await billing.sync(wished["checkout_id"])
        await billing.quiet()
        return cls(billing, wished["account_id"])

    async def call(self, method: str, path: str = "", body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON."""
        return await self.billing.call(method, f"/accounts/{self.id}{path}", body)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """What a POST that is done answers; a click of its own unless told otherwise."""
        status, told = await self.click(path, **body)
        assert status == 200, told
        return told

    async def click(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a POST with a click's id."""
        return await self.call("POST", path, {"request_id": new_id(), **body})

    async def shown(self) -> dict[str, Any]:
        """The account as web is told it."""
        status, told = await self.call("GET")
        assert status == 200, told
        return told

    async def synced(self) -> dict[str, Any]:
        """The account as Stripe has it."""
        status, told = await self.call("POST", "/sync")
        assert status == 200, told
        return told

    async def becomes(self, **facts: Any) -> dict[str, Any]:
        """The account, once it shows these."""

        async def does() -> dict[str, Any]:
            told = await self.shown()
            assert {name: told[name] for name in facts} == facts
            return told

        found: dict[str, Any] = await until(does, within=5, what=f"the account shows {facts}")
        return found

    async def later(self, **time: float) -> None:
        """Time has passed for Stripe and for us. What happens there is asked for: its letters bear today's date."""
        passed = timedelta(**time)
        await self.billing.double.webhooks("drop")
        self.billing.clock.ahead += passed
        await self.billing.double.advance(int(passed.total_seconds()))
        await self.synced()

    async def new_card(self, number: str) -> None:
        """Another card was given on the portal's page for that."""
        _, told = await self.call("POST", "/portal", {"flow": "card"})
        form = {"number": number, "expiry": "12 / 40", "cvc": "123"}
        form |= {"name": "A Card", "country": "DE", "postal_code": "10115"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(told["url"] + "/card", data=form, allow_redirects=False) as answer,
        ):
            assert answer.status == 303, await answer.text()

    async def bank(self, behaviour: str, card: str = GOOD_CARD) -> None:
        """From now on the card's issuer answers like this."""
        await self.billing.double.order("/cards", number=card, behaviour=behaviour)

    async def preview(self, plan: str) -> dict[str, Any]:
        """What the plan would cost."""
        status, told = await self.call("POST", "/plan-preview", {"plan": plan})
        assert status == 200, told
        return told

    async def agree(self, preview: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and JSON of taking the plan as it was shown."""
        return await self.call("POST", "/plan", {"preview_id": preview["preview_id"]})

    async def at_stripe(self) -> dict[str, Any]:
        """The subscription as Stripe has it."""
        (customer,) = await self.billing.rows(
            f"select stripe_customer_id from billing_customer where account_id = '{self.id}'"  # noqa: S608  our own id
        )
        path = f"/v1/subscriptions?status=all&customer={customer['stripe_customer_id']}"
        return (await self.billing.double.objects(path))[0]

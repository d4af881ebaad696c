"""What web asks about an account that has bought, or had bought."""

from collections.abc import Coroutine, Mapping
from typing import Any

from aiohttp import web

from s4_billing import leaving, paying, plans, portal
from s4_billing.asking import patience, read
from s4_billing.clerk import Clerk
from s4_billing.errors import DoesNotFit
from s4_runtime import Clock
from s4_stripe.errors import CardDeclined

# What a person is told of a bank's refusal: what helps, and nothing else (docs.stripe.com/declines/codes).
_WORDS = {
    "insufficient_funds": "funds",
    "expired_card": "expired",
    "authenticate": "confirm",
    "authentication_required": "confirm",
    "invoice_payment_intent_requires_action": "confirm",
    "subscription_payment_intent_requires_action": "confirm",
}
_SECRET = {"Cache-Control": "no-store"}


class AccountDesk:
    """Each question is one click of a signed-in person; whose account it is, web has checked."""

    def __init__(self, clerk: Clerk, clock: Clock) -> None:
        self._clerk = clerk
        self._clock = clock
        self._patience = clerk.settings.person_patience.total_seconds()

    async def show(self, request: web.Request) -> web.Response:
        """The account, without asking Stripe."""
        return web.json_response(await self._clerk.view(request.match_info["account_id"]))

    async def sync(self, request: web.Request) -> web.Response:
        """The account, after asking Stripe."""
        async with patience(self._patience):
            return web.json_response(await self._clerk.synced(request.match_info["account_id"]))

    async def portal(self, request: web.Request) -> web.Response:
        """The way into Stripe's portal."""
        door = read(await request.read(), portal.Door)
        async with patience(self._patience):
            url = await portal.portal(self._clerk, request.match_info["account_id"], door)
        return web.json_response({"url": url.reveal()}, headers=_SECRET)

    async def pdf(self, request: web.Request) -> web.Response:
        """The way to a bill as a file."""
        async with patience(self._patience):
            url = await portal.pdf(self._clerk, request.match_info["account_id"], request.match_info["invoice_id"])
        return web.json_response({"url": url.reveal()}, headers=_SECRET)

    async def cancel(self, request: web.Request) -> web.Response:
        """The person leaves."""
        wish = read(await request.read(), leaving.Cancel)
        async with patience(self._patience):
            return web.json_response(await leaving.cancel(self._clerk, request.match_info["account_id"], wish))

    async def resume(self, request: web.Request) -> web.Response:
        """The person stays after all."""
        wish = read(await request.read(), leaving.Again)
        async with patience(self._patience):
            return web.json_response(await leaving.resume(self._clerk, request.match_info["account_id"], wish))

    async def pay(self, request: web.Request) -> web.Response:
        """The person pays what is due."""
        wish, account_id = read(await request.read(), leaving.Again), request.match_info["account_id"]
        async with patience(self._patience):
            return await self._bought(account_id, paying.pay(self._clerk, account_id, wish))

    async def preview(self, request: web.Request) -> web.Response:
        """What another plan would cost."""
        wish, account_id = read(await request.read(), plans.Wish), request.match_info["account_id"]
        async with patience(self._patience):
            return await self._fitting(plans.preview(self._clerk, self._clock, account_id, wish))

    async def change(self, request: web.Request) -> web.Response:
        """The person takes the plan as it was shown."""
        agreed, account_id = read(await request.read(), plans.Agreed), request.match_info["account_id"]
        async with patience(self._patience):
            return await self._bought(account_id, plans.change(self._clerk, self._clock, account_id, agreed))

    async def _fitting(self, answer: Coroutine[None, None, Mapping[str, Any]]) -> web.Response:
        """The answer; or that the plan is too small for what is stored, with the numbers."""
        try:
            return web.json_response(await answer)
        except DoesNotFit as misfit:
            return web.json_response({"code": misfit.code, **misfit.ids}, status=409)

    async def _bought(self, account_id: str, purchase: Coroutine[None, None, Mapping[str, Any]]) -> web.Response:
        """The account after the purchase; or why the bank refused, with the page where the cardholder can confirm."""
        try:
            return await self._fitting(purchase)
        except CardDeclined as declined:
            reason = _WORDS.get(str(declined.ids.get("reason")), "declined")
            page = await portal.confirmation(self._clerk, account_id) if reason == "confirm" else None
            told = {"code": declined.code, "reason": reason, "url": page.reveal() if page else None}
            return web.json_response(told, status=402, headers=_SECRET)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        account = "/accounts/{account_id}"
        return [
            web.get(account, self.show),
            web.post(f"{account}/sync", self.sync),
            web.post(f"{account}/portal", self.portal),
            web.post(f"{account}/cancel", self.cancel),
            web.post(f"{account}/resume", self.resume),
            web.post(f"{account}/pay", self.pay),
            web.post(f"{account}/plan-preview", self.preview),
            web.post(f"{account}/plan", self.change),
            web.get(f"{account}/invoices/{{invoice_id}}/pdf", self.pdf),
        ]

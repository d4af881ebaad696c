"""What web asks about an account that has bought, or had bought."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from s4_billing import leaving, paying, portal
from s4_billing.asking import patience, read
from s4_billing.clerk import Clerk
from s4_stripe.errors import CardDeclined

# What a person is told of a bank's refusal: what helps, and nothing else (docs.stripe.com/declines/codes).
_WORDS = {"insufficient_funds": "funds", "expired_card": "expired", "authenticate": "confirm"}
_SECRET = {"Cache-Control": "no-store"}


class AccountDesk:
    """Each question is one click of a signed-in person; whose account it is, web has checked."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
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
        wish = read(await request.read(), leaving.Again)
        try:
            async with patience(self._patience):
                return web.json_response(await paying.pay(self._clerk, request.match_info["account_id"], wish))
        except CardDeclined as declined:
            return web.json_response(_declined(declined), status=402)

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
            web.get(f"{account}/invoices/{{invoice_id}}/pdf", self.pdf),
        ]


def _declined(error: CardDeclined) -> Mapping[str, Any]:
    return {"code": error.code, "reason": _WORDS.get(str(error.ids.get("reason")), "declined")}

"""What the site asks billing about one account, because its owner waits."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from s4_runtime import PeerUnavailable, Secret, ServiceClient
from s4_web.accounts.account import Account, Time
from s4_web.troubles import Refused

_PATIENCE = 20.0  # seconds, for what billing must ask Stripe
_STATE = "already-ended not-subscribed not-cancelled nothing-due"
_PLAN = "same-plan change-pending payment-overdue preview-stale not-comparable cancellation-scheduled"
_REFUSALS = {(404, "no-such-account"), (422, "unknown-plan"), *((409, code) for code in f"{_STATE} {_PLAN}".split())}
_DECLINES = {"declined", "funds", "expired"}

S = TypeVar("S", bound=msgspec.Struct)


class MustConfirm(Refused):
    """The bank wants its cardholder to confirm the payment, on the page at ``url`` if there is one."""

    def __init__(self, url: str | None) -> None:
        super().__init__("card-confirm")
        self.url = Secret(url) if url else None


class Misfit(msgspec.Struct, frozen=True):
    """How much is stored, how much the wished plan holds, and how much would have to go."""

    stored_bytes: int
    quota_bytes: int
    excess_bytes: int


class DoesNotFit(Refused):
    """More is stored than the wished plan holds."""

    def __init__(self, misfit: Misfit) -> None:
        super().__init__("does-not-fit")
        self.misfit = misfit


class Line(msgspec.Struct, frozen=True):
    """One line of the bill that a change of plan makes."""

    description: str
    amount: int


class Preview(msgspec.Struct, frozen=True):
    """What a change of plan would cost, to the last minor unit; good until ``expires_at``."""

    preview_id: str
    plan: str
    kind: str
    amount_now: int
    currency: str
    at: Time
    next_amount: int
    next_at: Time
    expires_at: Time
    tax_now: int = 0
    tax_extra: bool = False
    lines: tuple[Line, ...] = ()


class _Place(msgspec.Struct, frozen=True):
    url: str


class Accounts:
    """Billing's accounts, over HTTP. Anything that is not one of its agreed answers counts as unavailable."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def look(self, account_id: str, *, fresh: bool = False) -> Account:
        """The account as billing has it; ``fresh`` has billing ask Stripe. Raises Refused or PeerUnavailable."""
        if fresh:
            return await self._ask("POST", f"/accounts/{account_id}/sync", {}, Account)
        return await self._ask("GET", f"/accounts/{account_id}", None, Account)

    async def change(self, account_id: str, what: str, body: Mapping[str, object]) -> Account:
        """The account after a change. Raises Refused; "change-unsure" when nobody knows yet whether it was made."""
        try:
            return await self._ask("POST", f"/accounts/{account_id}/{what}", body, Account)
        except PeerUnavailable:
            raise PeerUnavailable("change-unsure") from None

    async def preview(self, account_id: str, plan: str) -> Preview:
        """What the other plan would cost now. Nothing is changed by asking."""
        return await self._ask("POST", f"/accounts/{account_id}/plan-preview", {"plan": plan}, Preview)

    async def portal(self, account_id: str, flow: str) -> Secret:
        """The address of Stripe's page for this account: whoever has it is in."""
        place = await self._ask("POST", f"/accounts/{account_id}/portal", {"flow": flow}, _Place)
        return Secret(place.url)

    async def invoice(self, account_id: str, invoice_id: str) -> Secret:
        """The address of the invoice as a PDF."""
        try:
            place = await self._ask("GET", f"/accounts/{account_id}/invoices/{invoice_id}/pdf", None, _Place)
        except Refused:
            raise Refused("not-found") from None
        return Secret(place.url)

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None, shape: type[S]) -> S:
        status, answer = await self._client.call(method, path, body, seconds=_PATIENCE if body is not None else 10.0)
        code = str(answer.get("code"))
        if (status, code) in _REFUSALS:
            raise Refused(code)
        if status == 402 and code == "card-declined":
            reason = answer.get("reason")
            if reason == "confirm":
                raise MustConfirm(answer.get("url"))
            raise Refused(f"card-{reason if reason in _DECLINES else 'declined'}")
        if (status, code) == (409, "sold-out"):
            raise Refused("plan-sold-out")
        if status == 429:
            raise Refused("payments-busy")
        if status == 404:
            raise Refused("not-found")
        try:
            if (status, code) == (409, "does-not-fit"):
                raise DoesNotFit(msgspec.convert(answer, Misfit))
            return msgspec.convert(answer if status == 200 else None, shape)
        except msgspec.ValidationError:
            raise PeerUnavailable("billing-unavailable") from None

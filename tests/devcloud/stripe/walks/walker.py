"""Somebody who does to a stand-in whatever comes to mind, in any order."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import stripe

from devcloud.stripe.lives import DAY, HOUR
from devcloud.stripe.shop import a_price, a_session, type_card
from devcloud.stripe.stand import Stand
from devcloud.stripe.visitor import Visitor, a_portal

_CARDS = ("4242 4242 4242 4242", "5555 5555 5555 4444", "4000 0027 6000 3184", "4000 0025 0000 3155")
_BEHAVIOURS = ("ok", "ok", "ok", "generic_decline", "insufficient_funds", "always_authenticate", "decline_after_attach")
_TIMES = (HOUR // 2, 2 * HOUR, DAY, 4 * DAY, 12 * DAY, 32 * DAY, 100 * DAY)
_PRORATIONS = ("always_invoice", "create_prorations", "none")
_WHEN_UNPAID = ("allow_incomplete", "error_if_incomplete", "pending_if_incomplete")


class NothingThere(Exception):
    """The move needs an object of a kind, and there is none yet."""


class Walker:
    """Moves drawn from a seed; what Stripe would refuse is refused, and anything else is a defect."""

    def __init__(self, stand: Stand, seed: int) -> None:
        self.stand, self.client = stand, stand.client
        self.random = random.Random(seed)
        self.taken: list[str] = []
        self.prices: list[str] = []

    async def begin(self) -> None:
        """Something to sell."""
        for key, amount in (("small", 500), ("personal", 2500), ("studio", 7900)):
            self.prices.append((await a_price(self.client, key, amount)).id)
        await self.subscribe()

    async def move(self) -> None:
        """One move. Raises for an answer that Stripe would never give."""
        name = self.random.choices(_NAMES, weights=[_OFTEN.get(name, 1.0) for name in _NAMES])[0]
        self.taken.append(name)
        try:
            await _MOVES[name](self)
        except NothingThere as missing:
            self.taken[-1] += f" (no {missing})"
        except (stripe.CardError, stripe.InvalidRequestError) as refused:
            self.taken[-1] += f" (refused: {refused.code or refused.http_status})"

    async def subscribe(self) -> None:
        data: dict[str, Any] = {"trial_period_days": 14} if self.random.random() < 0.2 else {}
        taxed = self.random.random() < 0.3
        session = await a_session(
            self.client,
            line_items=[{"price": self.random.choice(self.prices), "quantity": 1}],
            subscription_data=data,
            automatic_tax={"enabled": taxed},
            customer_update={"address": "auto"},
        )
        number = self.random.choice(_CARDS)
        status, _, _ = await type_card(self.stand.browser, session.url, number)
        if status == 303:
            data = {"outcome": self.random.choice(("complete", "complete", "fail"))}
            async with self.stand.browser.post(
                f"{session.url}/authenticate", data=data, allow_redirects=False
            ) as answer:
                assert answer.status < 500

    async def let_time_pass(self) -> None:
        await self.stand.control.post("/clock/advance", seconds=self.random.choice(_TIMES))

    async def change_a_card(self) -> None:
        await self.stand.control.post(
            "/cards", number=self.random.choice(_CARDS), behaviour=self.random.choice(_BEHAVIOURS)
        )

    async def change_the_plan(self) -> None:
        row = self.any("subscription")
        item = {"id": row["items"]["data"][0]["id"], "price": self.random.choice(self.prices)}
        params: Any = {
            "items": [item],
            "proration_behavior": self.random.choice(_PRORATIONS),
            "payment_behavior": self.random.choice(_WHEN_UNPAID),
        }
        await self.client.v1.subscriptions.update_async(row["id"], params)

    async def schedule_an_end(self) -> None:
        when = {"cancel_at_period_end": self.random.random() < 0.6}
        await self.client.v1.subscriptions.update_async(self.any("subscription")["id"], when)  # type: ignore[arg-type]  # one key

    async def cancel(self) -> None:
        params: Any = {"prorate": self.random.random() < 0.5, "invoice_now": self.random.random() < 0.5}
        await self.client.v1.subscriptions.cancel_async(self.any("subscription")["id"], params)

    async def end_the_trial(self) -> None:
        row = self.any("subscription")
        if row["status"] == "trialing":
            await self.client.v1.subscriptions.update_async(row["id"], {"trial_end": "now"})

    async def pause_or_resume(self) -> None:
        pause: Any = self.random.choice(("", {"behavior": "void"}, {"behavior": "keep_as_draft"}))
        await self.client.v1.subscriptions.update_async(self.any("subscription")["id"], {"pause_collection": pause})

    async def pay(self) -> None:
        await self.client.v1.invoices.pay_async(self.any("invoice")["id"])

    async def void(self) -> None:
        await self.client.v1.invoices.void_invoice_async(self.any("invoice")["id"])

    async def write_off(self) -> None:
        await self.client.v1.invoices.mark_uncollectible_async(self.any("invoice")["id"])

    async def finalize(self) -> None:
        await self.client.v1.invoices.finalize_invoice_async(self.any("invoice")["id"])

    async def refund(self) -> None:
        charge = self.any("charge")
        amount = self.random.randint(1, charge["amount"])
        await self.client.v1.refunds.create_async({"charge": charge["id"], "amount": amount})

    async def credit(self) -> None:
        invoice = self.any("invoice")
        amount = self.random.randint(1, max(1, invoice["total"]))
        owed = min(amount, invoice["amount_remaining"])
        params: Any = {"invoice": invoice["id"], "amount": amount}
        way = self.random.choice(("credit_amount", "refund_amount", "out_of_band_amount"))
        await self.client.v1.credit_notes.create_async(params | ({way: amount - owed} if amount > owed else {}))

    async def dispute(self) -> None:
        charge = self.any("charge")
        if charge["status"] == "succeeded" and not charge["disputed"]:
            await self.stand.control.post("/disputes", charge=charge["id"], reason="fraudulent")

    async def close_the_dispute(self) -> None:
        await self.client.v1.disputes.close_async(self.any("dispute")["id"])

    async def detach_a_card(self) -> None:
        await self.client.v1.payment_methods.detach_async(self.any("payment_method")["id"])

    async def delete_a_customer(self) -> None:
        await self.client.v1.customers.delete_async(self.any("customer")["id"])

    async def visit_the_portal(self) -> None:
        row = self.any("subscription")
        visitor = Visitor(self.stand.browser, (await a_portal(self.client, row["customer"])).url)
        await self._seen(visitor.look())
        number = self.random.choice(_CARDS)
        for path, fields in (("cancel", {}), ("keep", {}), ("card", {"card": self.any("payment_method")["id"]})):
            if self.random.random() < 0.4:
                await self._seen(visitor.send(f"/plans/{row['id']}/{path}", **fields))
        await self._seen(visitor.add_card(number))
        await self._seen(visitor.send("/card/authenticate", outcome="complete"))

    async def look_at_an_invoice(self) -> None:
        invoice = self.any("invoice")
        for url in (invoice["hosted_invoice_url"], invoice["invoice_pdf"]):
            if url is not None:
                async with self.stand.browser.get(url) as answer:
                    assert answer.status < 500, await answer.text()

    async def preview(self) -> None:
        await self.client.v1.invoices.create_preview_async({"subscription": self.any("subscription")["id"]})

    def any(self, kind: str) -> dict[str, Any]:
        """One of the objects of a kind, or of none. Raises NothingThere."""
        with self.stand.world.transaction() as tx:
            rows = tx.newest_first(kind)
        if not rows:
            raise NothingThere(kind)
        return self.random.choice(rows[:6])

    async def _seen(self, answer: Awaitable[tuple[Any, ...]]) -> None:
        status, page, *_ = await answer
        assert status < 500, page


_OFTEN = {
    "let_time_pass": 8.0,
    "change_the_plan": 5.0,
    "subscribe": 4.0,
    "change_a_card": 3.0,
    "visit_the_portal": 2.0,
    "schedule_an_end": 0.7,
    "cancel": 0.5,
    "detach_a_card": 0.3,
    "delete_a_customer": 0.2,
}
"""How often a move is made, beside once: what ends everything is rare."""

_MOVES: dict[str, Callable[[Walker], Awaitable[None]]] = {
    name: move
    for name, move in vars(Walker).items()
    if not name.startswith("_") and name not in ("begin", "move", "any")
}
_NAMES = sorted(_MOVES)

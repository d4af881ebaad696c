"""What people, banks and Stripe's dashboard do to one customer without billing."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from random import Random
from types import MappingProxyType
from typing import Any, Self

from s4_devcloud.stripe.cards import Behaviour
from s4_devcloud.stripe.problems import Problem
from support.histories.inner_stripe import InnerStripe
from support.stripe_double import GOOD_CARD


class Outside:
    """Everything around a customer; what makes no sense now does nothing."""

    def __init__(self, stripe: InnerStripe, seed: int) -> None:
        self.stripe = stripe
        self.random = Random(seed)
        self.customer: str | None = None
        self.sessions: list[str] = []

    def sees(self, session: str) -> None:
        """There is a tab with the session's page."""
        if session not in self.sessions:
            self.sessions.append(session)

    def does(self, deed: Callable[[Self], None]) -> None:
        """What the deed says; one that Stripe refuses does nothing."""
        with suppress(Problem):
            deed(self)

    def pay(self, tab: int, card: str = GOOD_CARD) -> None:
        """The person pays in a tab, or tries."""
        if self.sessions:
            self.stripe.pay(self.sessions[tab % len(self.sessions)], card)

    def bank(self, behaviour: Behaviour) -> None:
        """The card's issuer does so from now on."""
        self.stripe.bank(behaviour)

    def wait(self, days: int) -> None:
        """Days pass for everybody."""
        self.stripe.world.clock.advance(int(timedelta(days=days).total_seconds()))

    def misses_a_bill(self) -> None:
        """The bank refuses the next renewal."""
        self.bank("insufficient_funds")
        for fact in self.subscriptions()[:1]:
            left = fact["items"]["data"][0]["current_period_end"] - self.stripe.world.clock.now()
            self.stripe.world.clock.advance(max(0, left) + 2 * 3600)

    def pays_late(self) -> None:
        """There is money again when Stripe tries the next time."""
        self.bank("ok")
        self.wait(6)

    def subscriptions(self) -> list[dict[str, Any]]:
        """Those that have not ended, newest first."""
        return self.stripe.listed("/v1/subscriptions", customer=self.customer) if self.customer else []

    def charges(self) -> list[dict[str, Any]]:
        """Money that was taken, newest first."""
        found = self.stripe.listed("/v1/charges", customer=self.customer) if self.customer else []
        return [charge for charge in found if charge["status"] == "succeeded"]

    def change(self, **fields: str) -> None:
        """The newest subscription is changed."""
        for fact in self.subscriptions()[:1]:
            self.stripe.does("POST", f"/v1/subscriptions/{fact['id']}", **fields)

    def end(self) -> None:
        """It is ended at once."""
        for fact in self.subscriptions()[:1]:
            self.stripe.does("DELETE", f"/v1/subscriptions/{fact['id']}")

    def leave_at(self) -> None:
        """The customer leaves in the portal, which names the moment."""
        for fact in self.subscriptions()[:1]:
            self.change(cancel_at=str(fact["items"]["data"][0]["current_period_end"]))

    def stay(self) -> None:
        """The customer takes it back."""
        for fact in self.subscriptions()[:1]:
            undo = {"cancel_at_period_end": "false"} if fact["cancel_at_period_end"] else {"cancel_at": ""}
            self.change(**undo)

    def second(self) -> None:
        """Somebody subscribes the customer once more."""
        for fact in self.subscriptions()[:1]:
            price = {"items[0][price]": fact["items"]["data"][0]["price"]["id"]}
            card = {"default_payment_method": name} if (name := fact["default_payment_method"]) else {}
            self.stripe.does("POST", "/v1/subscriptions", customer=self.customer or "", **card, **price)

    def give_back(self, share: int = 2) -> None:
        """A part of the latest payment goes back, or all of it."""
        for charge in self.charges()[:1]:
            self.stripe.does("POST", "/v1/refunds", charge=charge["id"], amount=str(charge["amount"] // share))

    def contest(self, reason: str, *, inquiry: bool = False) -> None:
        """The cardholder contests the latest payment."""
        for charge in self.charges()[:1]:
            self.stripe.order("/disputes", charge=charge["id"], reason=reason, inquiry=inquiry)

    def warn(self) -> None:
        """The card network believes that the latest payment was fraud."""
        for charge in self.charges()[:1]:
            self.stripe.order("/fraud-warnings", charge=charge["id"])

    def decide(self, verdict: str) -> None:
        """The bank decides about what is contested."""
        for charge in self.charges():
            for dispute in self.stripe.listed("/v1/disputes", charge=charge["id"]):
                self.stripe.order("/disputes/close", dispute=dispute["id"], status=verdict)


OUTSIDE: Mapping[str, Callable[[Outside], None]] = MappingProxyType(
    {
        "is ended at the dashboard": Outside.end,
        "leaves in the portal": Outside.leave_at,
        "is let go at the dashboard": lambda life: life.change(cancel_at_period_end="true"),
        "stays after all, in the portal": Outside.stay,
        "is subscribed again at the dashboard": Outside.second,
        "is given half back at the dashboard": Outside.give_back,
        "is given all back at the dashboard": lambda life: life.give_back(1),
        "calls it fraud": lambda life: life.contest("fraudulent"),
        "says that nothing came": lambda life: life.contest("product_not_received"),
        "asks what it was": lambda life: life.contest("general", inquiry=True),
        "is said to be a fraud": Outside.warn,
        "wins": lambda life: life.decide("lost"),
        "loses": lambda life: life.decide("won"),
        "is content": lambda life: life.decide("warning_closed"),
        "has a good card": lambda life: life.bank("ok"),
        "has an empty account": lambda life: life.bank("insufficient_funds"),
        "misses a bill": Outside.misses_a_bill,
        "misses a bill, too": Outside.misses_a_bill,
        "pays late": Outside.pays_late,
        "has a card that asks": lambda life: life.bank("always_authenticate"),
    }
)

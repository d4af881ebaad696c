"""A whole subscription without a wire: one stand-in in this process, and what must hold in it at any time."""

import contextlib
from dataclasses import dataclass
from typing import Any

from s4_devcloud.stripe.billing.beginning import begin
from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.resources import customers, invoice_actions, payment_methods, prices, subscription_update
from s4_devcloud.stripe.resources import payment_intents as intents
from s4_devcloud.stripe.resources import subscriptions as subs
from s4_devcloud.stripe.resources.subscription_shape import Wanted
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World

NUMBER = "4242424242424242"
AMOUNTS = (2500, 6000, 499)
_SETTINGS = Settings("nowhere:1", "nowhere:2", "sk_test_x", "pk_test_x", "http://nowhere.test")


@dataclass
class Ledger:
    """One customer with one subscription. A refusal is an answer like others."""

    world: World
    prices: list[str]
    subscription: str

    @classmethod
    def opened(cls, *, taxed: bool, trial_days: int) -> "Ledger":
        world = World(_SETTINGS)
        with world.transaction() as tx:
            names = [
                prices.create(Call(tx, _a_price(amount, interval), {}, ""))["id"]
                for amount, interval in [*((amount, "month") for amount in AMOUNTS), (25000, "year")]
            ]
            address = {"country": "DE", "postal_code": "10115"}
            customer = customers.create_customer(tx, {"email": "a@example.com", "address": address})
            payer = payment_methods.Payer("A", "a@example.com", "DE", "10115")
            card = world.issuers.read(NUMBER, "12/38", "123", tx.now)
            method = payment_methods.attach(tx, payment_methods.collect(tx, card, payer), customer["id"])
            wanted = Wanted(
                customer["id"],
                "usd",
                [{"price": tx.need("price", names[0]), "quantity": 1}],
                method["id"],
                automatic_tax=taxed,
                trial_end=tx.now + trial_days * 24 * 3600 if trial_days else None,
            )
            due = 0 if trial_days else AMOUNTS[0] + (AMOUNTS[0] * 19 // 100 if taxed else 0)
            intent = intents.create_intent(tx, due, "usd", customer["id"]) if due else None
            intent = None if intent is None else intents.succeed(tx, intent, method, authenticated=False)
            return cls(world, names, begin(tx, wanted, intent)["id"])

    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        self.world.catch_up()

    def behave(self, behaviour: Any) -> None:
        fingerprint = self.world.issuers.behave(NUMBER, behaviour)
        with self.world.transaction() as tx:
            payment_methods.issuer_does(tx, fingerprint, behaviour)

    def update(self, **params: Any) -> None:
        self._call(subscription_update.update, params, subscription=self.subscription)

    def change(self, price: int, proration: str, payment: str) -> None:
        with self.world.transaction() as tx:
            item = tx.need("subscription", self.subscription)["items"]["data"][0]["id"]
        items = [{"id": item, "price": self.prices[price]}]
        self.update(items=items, proration_behavior=proration, payment_behavior=payment)

    def cancel(self, **params: bool) -> None:
        self._call(subs.cancel, params, subscription=self.subscription)

    def on_latest_invoice(self, action: str) -> None:
        with self.world.transaction() as tx:
            name = tx.need("subscription", self.subscription)["latest_invoice"]
        self._call(getattr(invoice_actions, action), {}, invoice=name)

    def rows(self, kind: str) -> list[Wire]:
        """All objects of a kind, the newest first."""
        with self.world.transaction() as tx:
            return tx.newest_first(kind)

    def _call(self, handler: Any, params: dict[str, Any], **names: str) -> None:
        with contextlib.suppress(Problem), self.world.transaction() as tx:
            handler(Call(tx, params, names, ""))

    def check(self) -> None:
        """Raise AssertionError unless all money is where it should be."""
        for invoice in self.rows("invoice"):
            self._check_invoice(invoice)
        self._check_subscription(self.rows("subscription")[0])
        moments = [event["created"] for event in self.rows("event")]
        assert moments == sorted(moments, reverse=True)

    def _check_invoice(self, invoice: Wire) -> None:
        lines = invoice["lines"]["data"]
        tax = sum(tax["amount"] for line in lines for tax in line["taxes"])
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        assert invoice["total"] == invoice["subtotal"] + tax
        assert invoice["amount_due"] == invoice["amount_paid"] + invoice["amount_remaining"] >= 0
        if invoice["status"] != "draft":
            used = invoice["ending_balance"] - invoice["starting_balance"]
            assert invoice["amount_due"] == invoice["total"] - used
        taken = [charge["amount"] for charge in self._charges(invoice) if charge["paid"]]
        if invoice["status"] == "paid" and invoice["amount_due"] > 0:
            assert taken == [invoice["amount_due"]]
        else:
            assert taken == []
        told = [event for event in self.rows("event") if event["type"] == "invoice.paid"]
        times = sum(event["data"]["object"]["id"] == invoice["id"] for event in told)
        assert times == (1 if invoice["status"] == "paid" else 0)

    def _charges(self, invoice: Wire) -> list[Wire]:
        payments = [row for row in self.rows("invoice_payment") if row["invoice"] == invoice["id"]]
        assert len(payments) <= 1
        names = {payment["payment"]["payment_intent"] for payment in payments}
        return [charge for charge in self.rows("charge") if charge["payment_intent"] in names]

    def _check_subscription(self, subscription: Wire) -> None:
        now, latest = self.world.clock.now(), self._invoice(subscription["latest_invoice"])
        if subscription["status"] in ("active", "trialing", "past_due"):
            for item in subscription["items"]["data"]:
                assert item["current_period_start"] <= now < item["current_period_end"]
            assert subscription["cancel_at"] is None or subscription["cancel_at"] > now
        else:
            assert subscription["ended_at"] is not None
            assert not any(invoice["auto_advance"] for invoice in self.rows("invoice"))
        if subscription["status"] == "past_due":
            assert latest["status"] in ("open", "draft")
        if subscription["pending_update"] is not None:
            assert (latest["status"], subscription["pending_update"]["expires_at"] > now) == ("open", True)
        elif subscription["status"] == "active" and latest["status"] == "open":
            assert not latest["attempted"], "a failed latest invoice makes it past due"
        self._check_periods()

    def _invoice(self, name: str) -> Wire:
        return next(invoice for invoice in self.rows("invoice") if invoice["id"] == name)

    def _check_periods(self) -> None:
        """No time is charged in full twice, but for what a change has given back before."""
        whole = [
            (line["period"]["start"], line["period"]["end"])
            for invoice in self.rows("invoice")
            for line in invoice["lines"]["data"]
            if invoice["billing_reason"] != "subscription_update"
            and not line["parent"]["subscription_item_details"]["proration"]
        ]
        assert len(set(whole)) == len(whole)

    def balance(self) -> tuple[int, int]:
        """The customer's balance, and what the invoices say it should be."""
        told = sum(
            invoice["ending_balance"] - invoice["starting_balance"]
            for invoice in self.rows("invoice")
            if invoice["status"] not in ("draft", "void")
        )
        return int(self.rows("customer")[0]["balance"]), told


def _a_price(amount: int, interval: str) -> Wire:
    described = {"name": f"Plan {amount}"}
    recurring = {"interval": interval}
    return {"currency": "usd", "unit_amount": amount, "product_data": described, "recurring": recurring}

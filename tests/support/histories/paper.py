"""Billing on paper: its decisions (what a look means, what is told, what is to be done) over the double of Stripe.

`follow`, `wanted` and `news` are billing's own, and what they are given is what the double's routes answer. What the
database, the network and the loops do between them is replaced by four lines of dictionaries: so a history costs
milliseconds, and says nothing about transactions, retries and webhooks; those are tested with the whole service.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from s4_billing import cancelling, refunds
from s4_billing.books import Books
from s4_billing.commands import Intent
from s4_billing.derive import END_REASON, CheckoutState, Policy
from s4_billing.follow import Rules, follow
from s4_billing.look import Look
from s4_billing.news import Shop, news
from s4_billing.store import Checkout
from s4_billing.wanted import wanted
from s4_contracts import Event
from s4_devcloud.stripe.problems import Problem
from s4_runtime import Secret, new_id
from s4_stripe.facts import Charge, Dispute, FraudWarning, Invoice, Payment, Refund, Subscription
from support.histories import promises
from support.histories.inner_stripe import InnerStripe
from support.histories.outside import Outside

T = TypeVar("T")
_OPEN = frozenset({"incomplete", "trialing", "active", "past_due", "unpaid", "paused"})


class Paper(Outside):
    """One account, with the rows in a dictionary."""

    def __init__(self, stripe: InnerStripe, seed: int, prices: Mapping[str, str]) -> None:
        super().__init__(stripe, seed)
        self._prices = prices
        self._plans = {f"s4-{plan}-monthly-1": plan for plan in prices}
        self.account = new_id()
        self.checkouts: dict[str, Checkout] = {}
        self.books = Books()
        self.told: list[Event] = []
        self._keys: set[str] = set()
        self._commands: dict[str, Intent] = {}
        self._open: list[str] = []
        self._failed: set[str] = set()
        self._refused: set[str] = set()

    def open(self, plan: str, *, another: bool) -> None:
        """A tab: of the account's checkout, or of another."""
        if self.customer is None:
            self.customer = self.stripe.call("POST", "/v1/customers", email="buyer@example.org")["id"]
        if another or not self.checkouts:
            sold = Checkout(
                *(new_id(), self.account, plan, "buyer@example.org", "hosted", "en", CheckoutState.OPEN, 1, None),
                self.now() + timedelta(hours=1),
            )
            self.checkouts[sold.id] = sold
        metadata = {"subscription_data[metadata][checkout_id]": list(self.checkouts)[-1]}
        price = {"line_items[0][price]": self._prices[plan], "line_items[0][quantity]": "1"}
        fields = {"mode": "subscription", "customer": self.customer or "", "success_url": "https://s4.example.org/"}
        self.sees(self.stripe.call("POST", "/v1/checkout/sessions", **fields, **price, **metadata)["id"])

    def now(self) -> datetime:
        """By the world's clock."""
        return datetime.fromtimestamp(self.stripe.world.clock.now(), UTC)

    def fails(self) -> None:
        """There will be no grid for one of the signups."""
        if self.checkouts:
            self._failed.add(self.random.choice(list(self.checkouts)))

    def cancel(self) -> None:
        """The owner leaves at once, by our own command."""
        for row in self.books.subscriptions.values():
            if row.is_live:
                self._write(cancelling.intent(self.account, row, "cancelled", new_id()))

    def change_plan(self, plan: str, **how: str) -> None:
        """The owner's change of plan, as our command would send it."""
        for fact in self.subscriptions()[:1]:
            item = {"items[0][id]": fact["items"]["data"][0]["id"], "items[0][price]": self._prices[plan]}
            self.change(**item, **how)

    def smaller(self) -> None:
        """From the next period on."""
        for fact in self.subscriptions()[:1]:
            until = str(fact["items"]["data"][0]["current_period_end"])
            later = {"metadata[previous_plan]": "large", "metadata[previous_until]": until}
            self.change_plan("personal", proration_behavior="none", **later)

    def observe(self) -> None:
        """Our rows follow what Stripe says now, and the others are told."""
        look, now = self._look(), self.now()
        rules = Rules(
            policy=Policy(),
            plan_of=lambda key: self._plans.get(key or ""),
            checkouts=frozenset(self.checkouts),
            refused=frozenset(self._refused),
        )
        after = follow(self.books, look, now, rules)
        errands = wanted(after, look, self.account, frozenset(self._failed), now)
        after = msgspec.structs.replace(after, refunds={**after.refunds, **errands.refunds})
        for event, key in news(self.books, after, Shop(self.account, self.checkouts, {}), now):
            if (named := f"{type(event).__name__}:{key}") not in self._keys:
                self._keys.add(named)
                self.told.append(event)
        self.books = after
        for intent in errands.intents:
            self._write(intent)

    def perform(self) -> bool:
        """What is wanted at Stripe is done there, or refused. Whether there was anything."""
        keys, self._open = self._open, []
        for key in keys:
            self._send(self._commands[key])
        return bool(keys)

    def settle(self) -> None:
        """Nothing is under way any more."""
        for _ in range(8):
            self.observe()
            if not self.perform():
                break
        told = len(self.told)
        before = self.books
        self.observe()
        assert before.subscriptions == self.books.subscriptions
        assert len(self.told) == told
        assert not self._open

    def keeps_all_promises(self) -> None:
        """What must be true once everything is settled."""
        self.settle()
        promises.told_as_it_is(self.told, self.books)
        if self.customer:
            promises.one_live_subscription(self.stripe, self.customer, self.books)
            promises.same_money(self.stripe, self.customer, self.books)
            promises.nothing_kept_for_nothing(self.stripe, self.books, self._failed)
            promises.debts_are_known(self.stripe, self.customer, self.books, self.now())
        promises.no_secret("events", self.told)

    def _write(self, intent: Intent) -> None:
        if intent.key not in self._commands:
            self._commands[intent.key] = intent
            self._open.append(intent.key)

    def _send(self, intent: Intent) -> None:
        match intent.kind:
            case cancelling.KIND:
                one = f"/v1/subscriptions/{intent.params['subscription']}"
                self.stripe.does("POST", one, **{f"metadata[{END_REASON}]": intent.params["reason"]})
                self.stripe.does("DELETE", one)
            case refunds.KIND:
                self._refund(intent)
            case _:  # which card pays: the double's portal is not visited here
                return

    def _refund(self, intent: Intent) -> None:
        """The money is sent, and the row names what sent it; or it is refused."""
        ours = intent.params["metadata"]["refund_id"]
        metadata = {f"metadata[{name}]": value for name, value in intent.params["metadata"].items()}
        what = {"charge": intent.params["charge"], "amount": str(intent.params["amount"])}
        try:
            made = self.stripe.call("POST", "/v1/refunds", **what, **metadata)["id"]
        except Problem:
            self._refused.add(ours)
            return
        row = msgspec.structs.replace(self.books.refunds[ours], stripe_refund_id=made)
        self.books = msgspec.structs.replace(self.books, refunds={**self.books.refunds, ours: row})

    def _look(self) -> Look:
        """What billing's own look asks for."""
        name = self.customer or ""
        found = self._all(Subscription, "subscriptions", status="all", **{"expand[0]": "data.latest_invoice"})
        invoices = self._all(Invoice, "invoices", **{"expand[0]": "data.payments"})
        charges = self._all(Charge, "charges")
        known = self.books.refunds.values()
        back = {charge.id for charge in charges if charge.amount_refunded}
        back |= {row.stripe_charge_id or "" for row in known if row.stripe_refund_id and not row.is_over}
        contested = [charge.id for charge in charges if charge.disputed]
        contested += [row.stripe_charge_id for row in self.books.disputes.values() if row.kind == "dispute"]
        return Look(
            tick=0,
            stripe_customer_id=name,
            subscriptions=found,
            invoices=invoices,
            charges=charges,
            refunds=[each for charge in sorted(back) for each in self._all(Refund, "refunds", charge=charge)],
            disputes=[each for charge in set(contested) for each in self._all(Dispute, "disputes", charge=charge)],
            warnings=[
                each
                for charge in charges
                for each in self._all(FraudWarning, "radar/early_fraud_warnings", charge=charge.id)
            ],
            to_confirm=frozenset(filter(None, (bill.id for bill in invoices if self._waits(bill)))),
        )

    def _waits(self, bill: Invoice) -> bool:
        if bill.status != "open" or not bill.attempt_count or bill.payments is None:
            return False
        intents = [each.payment.payment_intent for each in bill.payments.data]
        found = [_read(Payment, self.stripe.call("GET", f"/v1/payment_intents/{name}")) for name in intents if name]
        return any(payment.status == "requires_action" for payment in found)

    def _all(self, kind: type[T], path: str, **fields: str) -> list[T]:
        if self.customer is None:
            return []
        whose = {} if "charge" in fields else {"customer": self.customer}
        return [_read(kind, each) for each in self.stripe.listed(f"/v1/{path}", **whose, **fields)]


def _read(kind: type[T], answer: dict[str, Any]) -> T:
    return msgspec.convert(answer, kind, dec_hook=lambda _kind, value: Secret(value))


ON_PAPER: Mapping[str, Callable[[Paper], None]] = MappingProxyType(
    {
        "cancels now": Paper.cancel,
        "chooses a large plan": lambda life: life.change_plan(
            "large", proration_behavior="always_invoice", payment_behavior="pending_if_incomplete"
        ),
        "chooses a small plan": Paper.smaller,
        "gets no grid": Paper.fails,
        "nothing": lambda _life: None,
    }
)

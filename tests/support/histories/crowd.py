"""Many customers at once: at Stripe with a card and a subscription, and in billing's rows as if it had sold them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from s4_billing import books, store
from s4_billing.books import Books
from s4_billing.catalogue import Catalogue
from s4_billing.derive import CheckoutState, Policy
from s4_billing.follow import Rules, follow
from s4_billing.look import Look
from s4_billing.store import Checkout
from s4_runtime import Clock, Secret, derived_id
from s4_store import Pool
from s4_stripe.facts import Invoice, Subscription
from support.histories.inner_stripe import InnerStripe

EMAIL = "somebody@example.org"
_AT_ONCE = 200


class Member(msgspec.Struct, frozen=True):
    """One of the crowd. ``facts`` are the subscription and its bills as the API gives them."""

    customer: str
    facts: dict[str, Any]
    bills: list[dict[str, Any]]

    @property
    def account(self) -> str:
        """Ours, which the subscription names."""
        return str(self.facts["metadata"]["account_id"])

    @property
    def checkout(self) -> str:
        """By which it was bought."""
        return str(self.facts["metadata"]["checkout_id"])


def subscribed(stripe: InnerStripe, price: str, count: int, deployment: str = "tests") -> list[Member]:
    """So many customers who pay with a good card."""
    return [_member(stripe, price, number, deployment) for number in range(count)]


def _member(stripe: InnerStripe, price: str, number: int, deployment: str) -> Member:
    account = derived_id("crowd-account", str(number))
    ours = {"account_id": account, "deployment": deployment}
    metadata = {f"metadata[{name}]": value for name, value in ours.items()}
    customer = stripe.call("POST", "/v1/customers", email=EMAIL, **metadata)["id"]
    card = stripe.call("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    bought = {"customer": customer, "items[0][price]": price, "default_payment_method": card, **metadata}
    checkout = {"metadata[checkout_id]": derived_id("crowd-checkout", str(number))}
    facts = stripe.call("POST", "/v1/subscriptions", **bought, **checkout, **{"expand[0]": "latest_invoice"})
    bills = stripe.listed("/v1/invoices", customer=customer, **{"expand[0]": "data.payments"})
    return Member(customer, facts, bills)


async def known(pool: Pool, clock: Clock, members: Sequence[Member], plan: str = "personal") -> None:
    """Billing has opened a checkout for each, and has not heard of a payment yet."""
    now = clock.now()
    for start in range(0, len(members), _AT_ONCE):
        async with pool.transaction() as tx:
            for each in members[start : start + _AT_ONCE]:
                await store.ensure_customer(tx, each.account, EMAIL, now)
                await store.name_customer(tx, each.account, each.customer)
                await store.put_checkout(tx, _checkout(each, plan, now + timedelta(days=3650)), now)


def _checkout(member: Member, plan: str, expires_at: Any) -> Checkout:
    return Checkout(
        id=member.checkout,
        account_id=member.account,
        plan=plan,
        email=EMAIL,
        ui="hosted",
        locale="en",
        state=CheckoutState.PAID,
        attempt=1,
        stripe_session_id=None,
        expires_at=expires_at,
    )


async def followed(pool: Pool, clock: Clock, catalogue: Catalogue, members: Sequence[Member]) -> None:
    """Billing's rows say what Stripe says of each; nobody was told."""
    now = clock.now()
    for start in range(0, len(members), _AT_ONCE):
        async with pool.transaction() as tx:
            for each in members[start : start + _AT_ONCE]:
                rules = Rules(policy=Policy(), plan_of=catalogue.plan_of, checkouts=frozenset({each.checkout}))
                after = follow(Books(), _look(each), now, rules)
                await books.save(tx, each.account, Books(), after, now)


def _look(member: Member) -> Look:
    return Look(
        tick=0,
        stripe_customer_id=member.customer,
        subscriptions=[msgspec.convert(member.facts, Subscription, dec_hook=_secret)],
        invoices=[msgspec.convert(bill, Invoice, dec_hook=_secret) for bill in member.bills],
    )


def _secret(_kind: type, value: object) -> Secret:
    return Secret(str(value))

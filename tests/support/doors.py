"""Trying the site's doors as somebody who does not mean well, and counting what came of it."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from s4_shop.demo.customer import Customer
from s4_shop.shop import Shop
from support.ledger import Ledger
from support.stripe_double import StripeDouble


async def asked(customer: Customer, path: str, **form: str) -> tuple[int, str]:
    """Status and words that a form sent to this path gets, wherever that leads."""
    return await answered(customer, "POST", path, data=form)


async def answered(customer: Customer, method: str, path: str, **request: object) -> tuple[int, str]:
    async with customer.session.request(method, urljoin(customer.url, path), **request) as answer:  # type: ignore[arg-type]  # any request
        text = await answer.text()
    return answer.status, " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


def csrf(customer: Customer) -> str:
    """The token in the form that the customer sees."""
    form = customer.page.form()
    assert form is not None
    return form.fields["csrf"]


async def embedded(customer: Customer, token: str) -> tuple[int, str | None]:
    """What the payment page's own script asks for."""
    headers = {"X-CSRF-Token": token, "Accept": "application/json"}
    url = urljoin(customer.url, "/pay/session")
    async with customer.session.post(url, json={}, headers=headers) as answer:
        return answer.status, (await answer.json()).get("client_secret")


@dataclass(frozen=True)
class Made:
    """How much there is of what a signup leaves behind."""

    signups: int
    customers: int
    subscriptions: int
    paid: int
    grids: int


async def made(ledger: Ledger, stripe: StripeDouble) -> Made:
    signups = await ledger.rows("web", "SELECT signup_id FROM signups")
    paid = await ledger.rows("billing", "SELECT 1 FROM outbox WHERE type = 'billing.signup-paid.v1'")
    counts = (await stripe.state())["counts"]
    return Made(
        len(signups), counts.get("customer", 0), counts.get("subscription", 0), len(paid), len(await ledger.grids())
    )


async def metric(shop: Shop, service: str, name: str, **labels: str) -> float:
    """The sum of the service's samples of this name that have these labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{shop.urls[f'{service}-probes']}/metrics") as answer,
    ):
        lines = [line for line in (await answer.text()).splitlines() if line.startswith(name + "{")]
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(text in line for text in wanted))

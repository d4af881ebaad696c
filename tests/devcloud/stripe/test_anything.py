"""Whatever the types of the parameters allow, the answer is one of Stripe's: never a crash, never another shape."""

import random
import urllib.parse
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import SECRET_KEY
from devcloud.stripe.published import problems_with
from devcloud.stripe.shop import DISPUTED, WARNED, a_paid_charge
from s4_devcloud.stripe.api import all_routes
from s4_devcloud.stripe.calls import Route
from s4_devcloud.stripe.shapes import Choice, Either, Many, Record, Scalar, Shape, Table, record_of
from s4_devcloud.stripe.world import World

ROUNDS = 4
_WORDS = {"url": "https://a.example/", "email": "a@example.com", "currency": "usd", "enabled_events": "*", "name": "A"}


class Guesser:
    """Makes up requests from the shapes of their parameters and the names of objects that exist."""

    def __init__(self, seed: int, names: dict[str, list[str]]) -> None:
        self._random = random.Random(seed)
        self._names = names

    def path(self, route: Route) -> str:
        parts = route.path.split("/")
        kind = parts[parts.index(next(part for part in parts if "{" in part)) - 1] if "{" in route.path else ""
        return "/".join(self.name(kind) if part.startswith("{") else part for part in parts)

    def pairs(self, route: Route) -> list[tuple[str, str]]:
        """Every required parameter and some of the supported ones."""
        chosen = [
            pair for name in route.supports if self._random.random() < 0.3 for pair in self._supported(route, name)
        ]
        required = [name for name, field in record_of(route.params).fields.items() if field.required]
        return [
            *chosen,
            *(pair for name in required for pair in self._guess(record_of(route.params).fields[name].shape, name)),
        ]

    def name(self, place: str) -> str:
        """Mostly that of an object of the kind that the place speaks of."""
        fitting = [
            name for kind, names in self._names.items() if kind.rpartition(".")[2][:6] in place for name in names
        ]
        if fitting and self._random.random() < 0.8:
            return self._random.choice(fitting)
        return self._random.choice([name for names in self._names.values() for name in names] + ["nothing"])

    def _supported(self, route: Route, dotted: str) -> Iterator[tuple[str, str]]:
        first, _, rest = dotted.partition(".")
        field = record_of(route.params).fields.get(first)
        if field is None:
            return
        if not rest:
            yield from self._guess(field.shape, first)
            return
        for option in field.shape.options if isinstance(field.shape, Either) else (field.shape,):
            if isinstance(option, Record) and rest in option.fields:
                yield from self._guess(option.fields[rest].shape, f"{first}[{rest}]")

    def _guess(self, shape: Shape, key: str) -> Iterator[tuple[str, str]]:
        match shape:
            case Scalar(type=kind):
                yield key, self._scalar(kind, key)
            case Choice(words=words):
                yield key, self._random.choice(words)
            case Many(item=item):
                for index in range(self._random.randint(1, 2)):
                    yield from self._guess(item, f"{key}[{index}]")
            case Table(value=value):
                yield from self._guess(value, f"{key}[some]")
            case Record(fields=fields):
                for name, field in fields.items():
                    if field.required or self._random.random() < 0.3:
                        yield from self._guess(field.shape, f"{key}[{name}]")
            case Either(options=options):
                yield from self._guess(self._random.choice(options), key)

    def _scalar(self, kind: type, key: str) -> str:
        if kind is bool:
            return self._random.choice(["true", "false"])
        if kind is str:
            fitting = next((word for part, word in _WORDS.items() if part in key), self.name(key))
            words = ["", "*", "\u00e9\x00", self.name("")]
            return fitting if self._random.random() < 0.8 else self._random.choice(words)
        return str(self._random.choice([0, 1, 7, 100, 2500, -1, 2**31, 1_800_000_000]))


def as_json(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The parameters as the v2 API takes them, lists and groups one level deep."""
    body: dict[str, Any] = {}
    for key, value in pairs:
        first, _, rest = key.partition("[")
        inner = rest.rstrip("]")
        if not rest:
            body[first] = value
        elif inner.isdigit():
            body.setdefault(first, []).append(value)
        else:
            body.setdefault(first, {})[inner] = value
    return body


async def a_full_account(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    """Something of each kind."""
    await a_paid_charge(client, browser, DISPUTED)
    charge = await a_paid_charge(client, browser, WARNED)
    await client.v1.refunds.create_async({"charge": charge.id, "amount": 1})
    invoice = (await client.v1.invoices.list_async()).data[0]
    await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 1, "out_of_band_amount": 1})
    await client.v1.test_helpers.test_clocks.create_async({"frozen_time": charge.created})
    nowhere = "http://127.0.0.1:1/"
    await client.v1.webhook_endpoints.create_async({"url": nowhere, "enabled_events": ["invoice.paid"]})
    await client.v2.core.event_destinations.create_async(
        {
            "name": "x",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.invoice.paid"],
            "webhook_endpoint": {"url": nowhere},
        }
    )


def every_name(world: World) -> dict[str, list[str]]:
    """Some names of each kind."""
    with world.store.transaction() as tx:
        return {kind: [str(row["id"]) for row in tx.newest_first(kind)[:3]] for kind in world.store.counts()}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
async def test_any_request_gets_an_answer_of_stripes(
    client: stripe.StripeClient, world: World, browser: aiohttp.ClientSession, seed: int
) -> None:
    await a_full_account(client, browser)
    found: list[str] = []
    routes = [route for route in all_routes() for _ in range(1 if route.method == "DELETE" else ROUNDS)]
    random.Random(seed).shuffle(routes)
    for number, route in enumerate(routes):
        guesser = Guesser(seed * 100_000 + number, every_name(world))
        status, answer = await ask(browser, world, route, guesser)
        found += [f"{route.method} {route.path}: {problem}" for problem in problems_with(answer)]
        if status >= 500:
            found.append(f"{route.method} {route.path}: {status}")
    assert sorted(set(found)) == []


async def ask(
    browser: aiohttp.ClientSession, world: World, route: Route, guesser: Guesser
) -> tuple[int, dict[str, Any]]:
    """The status and the body."""
    pairs, headers = guesser.pairs(route), {"Authorization": f"Bearer {SECRET_KEY}"}
    url = world.settings.public_url + guesser.path(route)
    sent: dict[str, Any] = {}
    if route.method != "POST":
        url += "?" + urllib.parse.urlencode(pairs)
    elif route.path.startswith("/v2/"):
        sent["json"] = as_json(pairs)
    else:
        sent["data"] = urllib.parse.urlencode(pairs)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    async with browser.request(route.method, url, headers=headers, **sent) as answer:
        body: dict[str, Any] = await answer.json()
        return answer.status, body

"""One signup as operators see it: one trace from the form to the letter, and how many lines of log."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from s4_shop.folder import StateFolder
from s4_shop.options import default_options
from s4_shop.shop import Shop, down
from support.buyer import Buyer
from support.collector import Collector, collecting
from support.infra import TestRun
from support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
STEPS = ["identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof"]
FORM, WELCOME = "POST /signup", "letter welcome"
Told = tuple[Shop, Collector, str, str]


@pytest.fixture(scope="module")
def bought(test_run: TestRun) -> Iterator[Told]:
    """A shop that sends traces, and a customer of it who has their furl."""
    with collecting() as collector:
        state = StateFolder(test_run.folder / "traced-shop")
        traced = {name: {"S4_TRACES_URL": collector.url} for name in SERVICES}
        options = default_options(ROOT, os.environ)
        options = msgspec.structs.replace(options, durable=False, environment=traced)
        try:
            shop = asyncio.run(Shop.up(state, options))
            email, furl = asyncio.run(a_customer(shop, collector))
            yield shop, collector, email, furl
        finally:
            down(state)


async def a_customer(shop: Shop, collector: Collector) -> tuple[str, str]:
    async with Buyer.visiting(shop, "traced") as buyer:
        await buyer.buy()
        await buyer.wait_until_ready()
        furl = await buyer.claim()
        await until(lambda: bool(collector.named(WELCOME)), within=30, what="the letter's span is there")
        return buyer.email, furl


def test_one_trace_leads_from_the_form_to_the_letter(bought: Told) -> None:
    _shop, collector, _email, _furl = bought
    [form] = collector.named(FORM)
    [letter] = [span for span in collector.named(WELCOME) if span.trace == form.trace]
    story = collector.story(form.trace)
    assert "billing: POST /checkouts" in story
    assert "provisioner: handle billing.signup-paid.v1" in story
    assert [step for step in STEPS if f"provisioner: step {step}" not in story] == []
    assert "provisioner: publish provisioner.furl-issued.v1" in story
    assert "notifier: handle provisioner.furl-issued.v1" in story
    assert letter.service == "notifier"


def test_every_span_of_the_story_hangs_on_another_of_it(bought: Told) -> None:
    _shop, collector, _email, _furl = bought
    [form] = collector.named(FORM)
    mine = {span.id: span for span in collector.spans if span.trace == form.trace}
    assert [span.name for span in mine.values() if span.parent not in mine] == [FORM]


def test_no_span_holds_anything_of_the_customer_or_a_secret(bought: Told) -> None:
    _shop, collector, email, furl = bought
    everything = " ".join([span.name for span in collector.spans] + [str(span.facts) for span in collector.spans])
    for secret in (email, furl, "pb://", "@", "?", "token=", "cs_test"):
        assert secret not in everything


def test_a_signup_costs_a_bounded_number_of_lines(bought: Told, record_property: Callable[[str, object], None]) -> None:
    shop, _collector, _email, _furl = bought
    events: Counter[tuple[str, str]] = Counter()
    for service in SERVICES:
        for line in shop.log(service).splitlines():
            if line.startswith("{"):
                events[service, msgspec.json.decode(line)["event"]] += 1
    own = {key: count for key, count in events.items() if key[1] != "http.request"}
    lines = {service: sum(count for (owner, _), count in own.items() if owner == service) for service in SERVICES}
    record_property("note", f"lines of log of a shop's start and one signup, requests left out: {lines}")
    assert sum(lines.values()) < 400

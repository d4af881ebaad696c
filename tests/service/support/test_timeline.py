"""One view of everything that happened to a customer, whatever came first."""

import json
import random
from datetime import timedelta

import pytest

from s4_bus.testing import deliver
from s4_contracts.billing import PaymentFailed, PaymentRecovered, SignupPaid
from s4_contracts.notifier import LetterSent
from s4_contracts.provisioner import GridProved, InstanceReady, UsageMeasured
from s4_runtime import new_id
from s4_support.desk import Desk
from s4_support.timeline import PAGE
from support.support_page import EMAIL, START, Customer, Operator, SupportPage, line, sentences


async def test_all_that_was_told_is_shown_newest_first(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    told = [event for event in customer.everything() if hasattr(event, "account_id")]
    await desk.hears(*told)
    page = await operator.account(customer)
    shown = sentences(page)
    assert len(shown) == len(told)
    assert shown[0] == "An invite ended unused: expired"
    assert shown[-1] == "Signed up and paid for the plan personal"
    assert page.text.count("<circle") == len(told)
    assert "not told" not in "".join(shown)


@pytest.mark.parametrize("seed", range(3))
async def test_order_and_doubles_change_nothing(desk: SupportPage, operator: Operator, seed: int) -> None:
    customer = Customer()
    events = customer.everything()
    await desk.hears(*events, story="one")
    before = await operator.account(customer)
    await desk.pool.execute("truncate events cascade; truncate links, addresses, inbox")
    ids = {id(event): new_id() for event in events}
    mixed = events * 2
    random.Random(seed).shuffle(mixed)
    for event in mixed:
        await deliver(desk.pool, Desk().routes(), event, event_id=ids[id(event)])
    after = await operator.account(customer)
    assert sentences(after) == sentences(before)
    for label in ("Paid", "Grid", "Last proof", "Usage", "Invites", "Next date", "Address"):
        assert line(after, label) == line(before, label) != ""


async def test_what_was_told_of_a_grid_before_anybody_knew_whose_it_is_is_found_later(
    desk: SupportPage, operator: Operator
) -> None:
    customer = Customer()
    await desk.hears(customer.event(LetterSent), customer.event(InstanceReady))
    # As an event of a later release that names no account would leave it.
    await desk.pool.execute("delete from mentions where kind = 'account' and name like 'provisioner%'")
    await desk.pool.execute("delete from links where kind in ('grid', 'host')")
    assert (await operator.find(customer.ids["grid_id"])).place == f"/accounts/{customer.account}"  # by its signup
    await desk.pool.execute("delete from links where kind = 'signup'")
    assert (await operator.find(customer.ids["grid_id"])).status == 404
    assert len(sentences(await operator.account(customer))) == 1
    await desk.hears(customer.event(UsageMeasured))
    assert (await operator.find(customer.ids["grid_id"])).place == f"/accounts/{customer.account}"
    assert len(sentences(await operator.account(customer))) == 3


async def test_events_of_one_story_stand_together_and_can_be_shown_alone(desk: SupportPage, operator: Operator) -> None:
    customer, story = Customer(), "the-first-story"
    await desk.hears(
        customer.event(SignupPaid), customer.event(InstanceReady, START + timedelta(minutes=3)), story=story
    )
    await desk.hears(customer.event(PaymentFailed, START + timedelta(minutes=9)), story="another")
    await desk.hears(Customer().event(SignupPaid), story=story)
    page = await operator.account(customer)
    assert page.text.count("<h3>Correlation id") == 2
    assert page.text.count('<polyline class="thread"') == 1
    alone = await operator.account(customer, f"?story={story}")
    assert len(sentences(alone)) == 2


async def test_services_and_kinds_can_be_chosen(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(*customer.everything())
    assert len(sentences(await operator.account(customer, "?service=invites"))) == 3
    assert len(sentences(await operator.account(customer, "?kind=letter-sent"))) == 1
    assert sentences(await operator.account(customer, "?service=web&kind=letter-sent")) == []
    for query in ("?service=nobody", "?kind=%25", "?before=x", "?story=%3Cb%3E", "?before=2026-01-01_x"):
        assert (await operator.account(customer, query)).status == 400


async def test_older_events_are_on_the_next_page(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    proofs = [customer.event(GridProved, START + timedelta(minutes=index)) for index in range(PAGE + 5)]
    await desk.hears(customer.event(SignupPaid, START - timedelta(days=1)), *proofs)
    first = await operator.account(customer)
    assert len(sentences(first)) == PAGE
    older = first.text.rpartition('">Older</a>')[0].rpartition("?")[2].replace("&amp;", "&")
    second = await operator.account(customer, f"?{older}")
    assert len(sentences(second)) == 6
    assert "Older" not in second.text
    assert line(second, "Plan") == "personal"


async def test_the_present_state_is_what_events_say(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(
        customer.event(PaymentRecovered, START + timedelta(hours=2), revision=3),
        customer.event(PaymentFailed, START + timedelta(hours=1), revision=2),
        customer.event(SignupPaid),
        customer.event(InstanceReady),
        customer.event(UsageMeasured),
    )
    page = await operator.account(customer)
    assert line(page, "Paid") == "yes"
    assert line(page, "Grid") == "served"
    assert line(page, "Last proof") == "1 March 2026, 12:00 UTC"
    assert line(page, "Usage") == "1.5 MB of 250 GB"
    assert line(page, "Next date") == "31 March 2026, 12:00 UTC: the next period is billed"


async def test_an_unknown_account_is_not_there(operator: Operator) -> None:
    for name in (new_id(), "x", "%00", "..%2f"):
        assert (await operator.get(f"/accounts/{name}")).status == 404


async def test_an_address_is_shown_masked_and_kept_out_of_the_facts(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    page = await operator.account(customer)
    assert line(page, "Address") == "R•••@E•••.org"
    assert EMAIL.lower() not in page.text.lower()
    facts = json.loads(await desk.pool.fetchval("select facts from events"))
    assert "email" not in facts
    assert facts["plan"] == "personal"


async def test_what_looks_like_a_secret_is_not_even_kept(desk: SupportPage, operator: Operator) -> None:
    customer, furl = Customer(), "pb://canarycanarycanarycanarycanary@h.example:1/swissnumcanary"
    jwt = "eyJhbGciOiJFZERTQSJ9.eyJjYW5hcnkiOjF9.canarysignature"
    await desk.hears(
        customer.event(SignupPaid, plan=f"personal {furl}"),
        customer.event(InstanceReady, region=f"at {jwt}"),
    )
    page = await operator.account(customer)
    kept = str([tuple(row) for row in await desk.pool.fetch("select * from events")])
    for place in (page.text, kept):
        assert "[redacted]" in place
        assert "canary" not in place

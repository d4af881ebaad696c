"""s4 events, as operators type it: followed as they come in, one alone, one customer's, never a secret."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from s4_cli.access import Access
from s4_cli.terminal import harmless
from s4_cli.words import parser
from s4_contracts.billing import SignupPaid, SubscriptionEnded
from s4_contracts.notifier import LetterSent
from s4_contracts.provisioner import InstanceReady
from s4_runtime import Secret, new_id
from support.operator_cli import TOKENS
from support.operators_desk import OperatorsDesk, operators_desk
from support.support_page import EMAIL, Customer


@pytest.fixture
async def desk(support_database: str, amqp_url: str) -> AsyncIterator[OperatorsDesk]:
    async with operators_desk(support_database, amqp_url) as desk:
        yield desk


async def test_one_customers_events_are_one_timeline_by_any_of_their_ids(desk: OperatorsDesk) -> None:
    customer, other = Customer(), Customer()
    await desk.hears(*customer.everything(), story="story-7")
    await desk.hears(other.event(SignupPaid, email="else@example.org"))
    by_account = await desk.terminal.json("events", "trace", customer.account)
    assert [one["account_id"] for one in by_account["accounts"]] == [customer.account]
    # All but how much room there is, which is about no customer.
    assert len(by_account["events"]) == len(customer.everything()) - 1
    times = [event["at"] for event in by_account["events"]]
    assert times == sorted(times)
    for about in (customer.ids["grid_id"], customer.ids["letter_id"], EMAIL.upper(), "story-7"):
        assert (await desk.terminal.json("events", "trace", str(about)))["events"] == by_account["events"], about
    _, out, _ = await desk.terminal.type("events", "trace", customer.account)
    assert "●" in out
    assert "The grid is ready" in out


async def test_no_address_and_no_secret_is_told(desk: OperatorsDesk) -> None:
    customer = Customer()
    await desk.hears(*customer.everything())
    told = await desk.terminal.json("events", "trace", customer.account)
    tail = await desk.terminal.json("events", "tail", "--since", "PT1H", "--once")
    for secret in ("example.org", "Example.org", "pb://", "claim_secret"):
        assert secret not in json.dumps([told["events"], tail])


async def test_what_several_share_gives_their_accounts_to_choose_from(desk: OperatorsDesk) -> None:
    first, second = Customer(), Customer()
    second.ids["host_id"] = first.ids["host_id"]
    await desk.hears(first.event(InstanceReady), second.event(InstanceReady))
    told = await desk.terminal.json("events", "trace", str(first.ids["host_id"]))
    assert {one["account_id"] for one in told["accounts"]} == {first.account, second.account}
    assert len(told["events"]) == 2


async def test_an_event_is_shown_with_every_id_that_it_names(desk: OperatorsDesk) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid), story="story-9")
    (event,) = (await desk.terminal.json("events", "trace", "story-9"))["events"]
    shown = await desk.terminal.json("events", "show", event["id"])
    assert (shown["type"], shown["story"]) == ("billing.signup-paid.v1", "story-9")
    assert f"account:{customer.account}" in shown["ids"]
    _, out, _ = await desk.terminal.type("events", "show", event["id"])
    assert "billing.signup-paid.v1" in out


async def test_the_tail_can_be_narrowed_and_ends_where_there_is_no_more(desk: OperatorsDesk) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid), customer.event(LetterSent), customer.event(SubscriptionEnded))
    for words, count in (
        ((), 3),
        (("--type", "signup-paid"), 1),
        (("--type", "billing.signup-paid.v1"), 1),
        (("--of", "billing"), 2),
        (("--of", "billing", "--type", "letter-sent"), 0),
    ):
        told = await desk.terminal.json("events", "tail", "--since", "PT1H", "--once", *words)
        assert len(told["events"]) == count, words
    assert (await desk.terminal.json("events", "tail", "--once"))["events"] == []


async def test_who_follows_is_told_each_event_once_however_late_it_comes(desk: OperatorsDesk) -> None:
    asked = parser().parse_args(["events", "tail", "--since", "PT1H"])
    access = Access(desk.terminal.url, Secret(TOKENS["ada"]))
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    async with aclosing(asked.stream(access, asked)) as news:
        first = await anext(news)
        # It happened long before the other, and comes in after it.
        await desk.hears(customer.event(LetterSent))
        await desk.pool.execute("UPDATE events SET occurred_at = '2020-01-01Z' WHERE name LIKE 'notifier%'")
        second = await anext(news)
    told = [event["type"] for answer in (first, second) for event in answer["events"]]
    assert told == ["billing.signup-paid.v1", "notifier.letter-sent.v1"]
    assert customer.account in harmless(asked.show(first))


async def test_more_than_a_page_is_told_whole(desk: OperatorsDesk) -> None:
    customer = Customer()
    await desk.hears(*(customer.event(LetterSent, letter_id=new_id()) for _ in range(510)))
    told = await desk.terminal.json("events", "tail", "--since", "PT1H", "--once")
    assert len({event["id"] for event in told["events"]}) == 510
    assert (await desk.terminal.json("events", "trace", customer.account, "--limit", "300"))["is_cut"]


async def test_bad_input_is_refused(desk: OperatorsDesk) -> None:
    for words, code in (
        (("trace", new_id()), "nothing-known"),
        (("trace", "nobody@example.org"), "nothing-known"),
        (("trace", "'; drop table events"), "nothing-known"),
        (("show", new_id()), "no-such-event"),
        (("show", "x"), "not-an-id"),
        (("tail", "--once", "--since", "soon"), "bad-duration"),
        (("tail", "--once", "--since", "P400D"), "bad-duration"),
        (("tail", "--once", "--type", "%"), "bad-name"),
    ):
        assert code in await desk.terminal.refused("events", *words), words

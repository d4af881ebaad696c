"""What operators do is done once, for a reason, on record, and not too often."""

import asyncio
from datetime import timedelta

from s4_bus.testing import deliver
from s4_contracts.billing import SignupPaid
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import GridDeleted, InstanceReady
from s4_contracts.support import LetterRequested, LinkRequested
from s4_runtime import new_id
from s4_support.desk import Desk
from support.support_page import EMAIL, START, Customer, Operator, SupportPage, line, sentences, support_page


async def a_customer(desk: SupportPage) -> Customer:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid), customer.event(InstanceReady), customer.event(LetterSent))
    return customer


def again(customer: Customer) -> str:
    return f"/accounts/{customer.account}/letters/{customer.ids['letter_id']}/again"


def link(customer: Customer) -> str:
    return f"/accounts/{customer.account}/grids/{customer.ids['grid_id']}/link"


async def test_a_letter_is_asked_for_again(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    assert again(customer) in (await operator.account(customer)).text
    assert (await operator.does(again(customer), "ticket 7: <lost>")).place == f"/accounts/{customer.account}"
    (asked,) = await desk.emitted()
    assert isinstance(asked, LetterRequested)
    assert (asked.account_id, asked.letter_id) == (customer.account, customer.ids["letter_id"])
    assert sentences(await operator.account(customer))[0] == "ada had a letter sent again: ticket 7: &lt;lost&gt;"
    assert (await desk.audit())[-1] == ("ada", "letter-requested", customer.account)
    assert "ticket 7: &lt;lost&gt;" in (await operator.get("/audit")).text


async def test_a_new_link_is_asked_for(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    assert link(customer) in (await operator.account(customer)).text
    assert (await operator.does(link(customer))).status == 303
    (asked,) = await desk.emitted()
    assert isinstance(asked, LinkRequested)
    assert (asked.account_id, asked.grid_id) == (customer.account, customer.ids["grid_id"])
    assert sentences(await operator.account(customer))[0] == "ada had a new link to the furl sent: ticket 7"
    assert (await desk.audit())[-1] == ("ada", "link-requested", customer.account)


async def test_a_form_that_is_sent_twice_even_at_once_does_one_thing(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    page = await operator.get(again(customer))
    form = {"csrf": page.value("csrf"), "form_id": page.value("form_id"), "reason": "ticket 7"}
    pages = await asyncio.gather(*(operator.post(again(customer), form) for _ in range(5)))
    assert {page.status for page in pages} == {303}
    assert len(await desk.emitted()) == 1
    assert len([row for row in await desk.audit() if row[1] == "letter-requested"]) == 1
    assert (await operator.post(link(customer), form)).status == 409
    assert len(await desk.emitted()) == 1


async def test_no_reason_no_deed(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    for reason in ("", "  x  ", "x" * 501):
        assert (await operator.does(again(customer), reason)).status == 422
    csrf = (await operator.get(link(customer))).value("csrf")
    assert (await operator.post(link(customer), {"csrf": csrf, "form_id": "x", "reason": "ticket"})).status == 400
    assert await desk.emitted() == []


async def test_what_is_another_customers_cannot_be_asked_for(desk: SupportPage, operator: Operator) -> None:
    ada, eve = await a_customer(desk), await a_customer(desk)
    wrong = f"/accounts/{ada.account}/letters/{eve.ids['letter_id']}/again"
    assert (await operator.does(wrong)).status == 404
    csrf = (await operator.get("/")).value("csrf")
    form = {"csrf": csrf, "form_id": new_id(), "reason": "ticket 7"}
    assert (await operator.post(wrong, form)).status == 404
    assert (await operator.post(f"/accounts/{ada.account}/letters/x/again", form)).status == 404
    assert (await operator.post(f"/accounts/{ada.account}/grids/{eve.ids['grid_id']}/link", form)).status == 404
    assert await desk.emitted() == []


async def test_a_deleted_grid_gets_no_link(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    await desk.hears(customer.event(GridDeleted, START + timedelta(hours=1)))
    assert link(customer) not in (await operator.account(customer)).text
    assert (await operator.does(link(customer))).status == 409


async def test_deeds_are_limited_for_each_account_and_each_operator(support_database: str) -> None:
    async with support_page(support_database, deeds_per_account=2, deeds_per_operator=3) as desk:
        ada, eve = await a_customer(desk), await a_customer(desk)
        async with desk.browser() as operator:
            await operator.sign_in()
            wishes = (again(ada), link(ada), again(ada), again(eve), again(eve))
            assert [(await operator.does(each)).status for each in wishes] == [303, 303, 429, 303, 429]
        assert len(await desk.emitted()) == 3
        assert len([row for row in await desk.audit() if row[1].endswith("requested")]) == 3


async def test_an_address_is_shown_for_a_reason_and_that_is_on_record(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    path = f"/accounts/{customer.account}/address"
    assert EMAIL not in (await operator.get(path)).text
    assert EMAIL not in (await operator.does(path, "")).text
    assert EMAIL in (await operator.does(path)).text
    assert (await desk.audit())[-1] == ("ada", "address-seen", customer.account)
    assert line(await operator.account(customer), "Address") == "R•••@E•••.org"
    assert await desk.emitted() == []


async def test_a_form_that_was_used_shows_no_address_again(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    path = f"/accounts/{customer.account}/address"
    page = await operator.get(path)
    form = {"csrf": page.value("csrf"), "form_id": page.value("form_id"), "reason": "ticket 7"}
    assert EMAIL in (await operator.post(path, form)).text
    again = await operator.post(path, form)
    assert (again.status, again.place, EMAIL in again.text) == (303, path, False)


async def test_looks_at_addresses_are_limited(support_database: str) -> None:
    async with support_page(support_database, looks_per_operator=2) as desk, desk.browser() as operator:
        await operator.sign_in()
        customer = await a_customer(desk)
        pages = [await operator.does(f"/accounts/{customer.account}/address") for _ in range(3)]
        assert [page.status for page in pages] == [200, 200, 429]
        assert EMAIL not in pages[-1].text


async def test_what_becomes_of_letters_is_shown(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(customer.event(LetterBounced, START + timedelta(minutes=5), code="5.1.1"))
    await desk.hears(customer.event(LetterSent))
    assert "refused for good (5.1.1)" in (await operator.account(customer)).text


async def test_a_reason_with_a_secret_in_it_is_kept_without_it(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    await operator.does(again(customer), "she sent pb://canarycanary@h.example:1/canary and eve@example.org")
    everything = (await operator.account(customer)).text + (await operator.get("/audit")).text
    kept = await desk.pool.fetch("select facts::text from events union all select facts::text from audit")
    assert "canary" not in everything + str([row["facts"] for row in kept])
    assert "she sent [redacted]" in everything


async def test_events_are_forgotten_with_all_that_was_linked_to_them(desk: SupportPage, operator: Operator) -> None:
    old, young = Customer(), Customer()
    await desk.hears(*old.everything())
    await desk.clock.advance(desk.settings.events_kept - timedelta(days=2))
    now = desk.clock.now()
    await desk.hears(young.event(SignupPaid, now), young.event(LetterSent, now))
    await desk.clock.advance(timedelta(days=2))
    assert await desk.prune() == len(old.everything())
    assert await desk.prune() == 0
    assert (await desk.count("events"), await desk.count("addresses"), await desk.count("sessions")) == (2, 1, 0)
    assert await desk.pool.fetchval("select count(*) from links where account_id = $1", old.account) == 0
    await operator.sign_in()
    assert (await operator.account(old)).status == 404
    assert (await operator.account(young)).status == 200


async def test_the_address_of_a_customer_who_stays_is_kept(desk: SupportPage, operator: Operator) -> None:
    customer = await a_customer(desk)
    await desk.clock.advance(desk.settings.events_kept + timedelta(days=1))
    await desk.hears(customer.event(InstanceReady, desk.clock.now()))
    await desk.prune()
    await operator.sign_in()
    assert (await operator.find(EMAIL)).place == f"/accounts/{customer.account}"


async def test_an_event_that_comes_again_after_a_crash_is_there_once(desk: SupportPage) -> None:
    customer, event_id = Customer(), new_id()
    for _ in range(3):
        await deliver(desk.pool, Desk().routes(), customer.event(SignupPaid), event_id=event_id)
        await desk.pool.execute("delete from inbox")
    assert await desk.count("events") == 1

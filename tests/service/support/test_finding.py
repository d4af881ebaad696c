"""A customer is found by whatever they or a log can name."""

from datetime import timedelta

import pytest

from s4_contracts.billing import SignupPaid
from s4_contracts.notifier import LetterSent
from s4_contracts.provisioner import InstanceReady
from s4_contracts.web import EmailChanged, EmailChangeRequested
from s4_runtime import new_id
from support.support_page import EMAIL, START, Customer, Operator, SupportPage, support_page

KINDS = ("account", "signup", "subscription", "grid", "host", "letter", "request", "refund", "invite")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_id_leads_to_the_account(desk: SupportPage, operator: Operator, kind: str) -> None:
    customer = Customer()
    await desk.hears(*Customer().everything(), *customer.everything())
    found = await operator.find(f"  {customer.ids[kind + '_id'].upper()} ")
    assert (found.status, found.place) == (303, f"/accounts/{customer.account}")


async def test_ids_of_events_and_stories_lead_to_the_account(desk: SupportPage, operator: Operator) -> None:
    customer, story = Customer(), new_id()
    await desk.hears(customer.event(SignupPaid), story=story)
    await desk.hears(Customer().event(SignupPaid), story="a-story-of-a-proxy:7")
    event_id = await desk.pool.fetchval("select event_id from events where correlation_id = $1", story)
    for asked in (event_id, story):
        assert (await operator.find(asked)).place == f"/accounts/{customer.account}"
    assert (await operator.find("a-story-of-a-proxy:7")).status == 303


async def test_an_address_is_found_whole_in_any_case(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    assert (await operator.find(EMAIL.upper())).place == f"/accounts/{customer.account}"
    for part in ("reader@", "@example.org", "reader@example.or", "%@example.org", "Reader_Example.org@"):
        assert (await operator.find(part)).status == 404


async def test_a_former_address_and_one_that_was_only_asked_for_are_found_and_called_so(
    desk: SupportPage, operator: Operator
) -> None:
    customer, later = Customer(), START + timedelta(hours=1)
    await desk.hears(customer.event(EmailChanged, later, email="new@example.org"), customer.event(SignupPaid))
    await desk.hears(customer.event(EmailChangeRequested, later, email="third@example.org"))
    for email in (EMAIL, "new@example.org", "third@example.org"):
        assert (await operator.find(email)).place == f"/accounts/{customer.account}"
    page = (await operator.account(customer)).text
    assert page.index("n•••@e•••.org") < page.index("Former address") < page.index("Asked for, not confirmed")


async def test_a_host_that_serves_several_is_no_answer_but_a_choice(desk: SupportPage, operator: Operator) -> None:
    ada, eve = Customer(), Customer()
    eve.ids["host_id"] = ada.ids["host_id"]
    await desk.hears(ada.event(InstanceReady), eve.event(InstanceReady))
    found = await operator.find(ada.ids["host_id"])
    assert found.status == 200
    assert "More than one account" in found.text
    assert ada.account in found.text
    assert eve.account in found.text


async def test_neighbours_on_a_host_do_not_see_each_others_events(desk: SupportPage, operator: Operator) -> None:
    ada, eve = Customer(), Customer()
    eve.ids["host_id"] = ada.ids["host_id"]
    await desk.hears(ada.event(InstanceReady), eve.event(InstanceReady), eve.event(LetterSent))
    page = await operator.account(ada)
    assert eve.ids["grid_id"] not in page.text
    assert "Letter sent" not in page.text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("0193d5a0-0000-7000-8000-00000000abcd", "No event that is on record names this id."),
        ("nobody@example.org", "No account has, had or asked for this address."),
        ("no such thing", "That is neither an id nor an address."),
        ("<script>alert(1)</script>", "That is neither an id nor an address."),
        ("", "That is neither an id nor an address."),
    ],
)
async def test_what_is_unknown_is_said_in_words(operator: Operator, asked: str, words: str) -> None:
    found = await operator.find(asked)
    assert found.status == 404
    assert words in found.text
    assert "<script" not in found.text


async def test_billing_tells_whose_an_id_of_stripes_is(desk: SupportPage, operator: Operator) -> None:
    customer = Customer()
    await desk.hears(customer.event(SignupPaid))
    desk.billing.known["cus_Qw3rty123456"] = [customer.account]
    assert (await operator.find("cus_Qw3rty123456")).place == f"/accounts/{customer.account}"
    assert "Billing knows no account" in (await operator.find("sub_1Qw3rty12345")).text
    desk.billing.answer_next("/operator/stripe/cus_Qw3rty123456", 404, {"code": "not-found"})
    assert "This release of billing cannot tell" in (await operator.find("cus_Qw3rty123456")).text
    desk.billing.answer_next("/operator/stripe/cus_Qw3rty123456", 401, {"code": "operator-token-required"})
    assert "Billing refuses" in (await operator.find("cus_Qw3rty123456")).text
    desk.billing.is_down = True
    assert "Billing does not answer" in (await operator.find("cus_Qw3rty123456")).text


async def test_without_billing_the_page_says_that_it_cannot_tell(support_database: str) -> None:
    async with (
        support_page(support_database, billing_operator_url="", billing_operator_token=None) as desk,
        desk.browser() as operator,
    ):
        await operator.sign_in()
        assert "not allowed to ask billing" in (await operator.get("/")).text
        assert "not allowed to ask billing" in (await operator.find("cus_Qw3rty123456")).text

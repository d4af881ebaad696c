import msgspec
import pytest

from s4_contracts import EVENTS, Event
from s4_contracts.web import EmailChangeRequested
from s4_runtime import new_id
from s4_support.mentions import KINDS, accounts_of, address_of, folded, ids_of
from s4_support.records import facts_of
from support.support_page import EMAIL, START, Customer


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_id_that_an_event_names_is_one_that_can_be_found(kind: type[Event]) -> None:
    names = {field.name for field in msgspec.structs.fields(kind) if field.name.endswith("_id")}
    assert names <= set(KINDS)
    customer = Customer()
    assert {("account" if name == "account_id" else KINDS[name], customer.ids[name]) for name in names} <= set(
        ids_of(customer.event(kind))
    )


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_no_fact_that_is_kept_is_an_address(kind: type[Event]) -> None:
    event = Customer().event(kind)
    assert EMAIL not in str(facts_of(event))
    told = address_of(event)
    assert (told is not None) == hasattr(event, "email")


def test_an_address_that_is_only_asked_for_is_no_address_of_the_account() -> None:
    told = address_of(Customer().event(EmailChangeRequested))
    assert told is not None
    assert told.kind == "wanted"


def test_a_wish_for_several_accounts_is_about_all_of_them() -> None:
    customer, second = Customer(), new_id()
    event = customer.event(EmailChangeRequested, START, accounts=[customer.account, second])
    assert accounts_of(event) == [customer.account, second]
    assert ("account", second) in ids_of(event)


def test_what_is_no_id_is_no_way_to_an_account() -> None:
    customer = Customer()
    customer.ids["grid_id"] = "not-an-id"
    kinds = [kind for event in customer.everything() for kind, _ in ids_of(event)]
    assert "grid" not in kinds
    assert "letter" in kinds


def test_addresses_are_compared_without_regard_to_case() -> None:
    assert folded(" Reader@EXAMPLE.org ") == folded("reader@example.ORG")
    assert folded("a.reader@example.org") != folded("areader@example.org")

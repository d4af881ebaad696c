"""Reading what Stripe says happened, from whatever arrives."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from s4_stripe.deliveries import is_wanted, occurrence


def snapshot(about: dict[str, Any], **changes: Any) -> dict[str, Any]:
    event = {"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1_800_000_000, "livemode": False}
    return {**event, "data": {"object": about}, **changes}


def test_a_snapshot_names_its_object_customer_and_deployment() -> None:
    about = {"id": "sub_1", "object": "subscription", "customer": "cus_1", "metadata": {"deployment": "staging"}}
    found = occurrence(snapshot(about, type="customer.subscription.updated"))
    assert found is not None
    assert (found.object_type, found.object_id, found.customer, found.deployment) == (
        "subscription",
        "sub_1",
        "cus_1",
        "staging",
    )


def test_an_invoice_has_its_deployment_from_its_subscription() -> None:
    parent = {"subscription_details": {"metadata": {"deployment": "staging"}}}
    found = occurrence(snapshot({"id": "in_1", "object": "invoice", "customer": {"id": "cus_1"}, "parent": parent}))
    assert found is not None
    assert (found.customer, found.deployment) == ("cus_1", "staging")


def test_a_customer_is_its_own_customer() -> None:
    found = occurrence(snapshot({"id": "cus_1", "object": "customer", "deleted": True}, type="customer.deleted"))
    assert found is not None
    assert found.customer == "cus_1"


def test_a_thin_event_names_its_object_only() -> None:
    thin = snapshot({}, type="v1.invoice.paid", created="2026-11-22T10:00:00.000Z", data=None)
    found = occurrence({**thin, "related_object": {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"}})
    assert found is not None
    assert (found.type, found.object_id, found.customer, found.created) == ("invoice.paid", "in_1", None, 1795341600)


def test_only_what_can_change_our_state_is_wanted() -> None:
    assert is_wanted("customer.subscription.deleted")
    assert is_wanted("checkout.session.completed")
    assert not is_wanted("customer.created")
    assert not is_wanted("price.created")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
names = ["id", "object", "type", "created", "livemode", "data", "related_object", "customer", "metadata", "parent"]
near_events = st.recursive(
    json_values,
    lambda inner: st.dictionaries(st.sampled_from(names), inner, max_size=8),
    max_leaves=20,
)


@given(near_events)
def test_any_json_is_read_or_refused(document: object) -> None:
    found = occurrence(document)
    assert found is None or (found.id and found.object_id)


@given(near_events)
def test_any_object_inside_a_right_event_is_read_or_refused(about: object) -> None:
    event = snapshot({}, data={"object": about})
    found = occurrence(event)
    assert found is None or isinstance(found.object_type, str)

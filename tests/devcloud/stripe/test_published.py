import stripe

from devcloud.stripe.published import KINDS, newer_fields, problems_with, schemas
from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.shop import a_customer

_CLASSES: dict[str, type[stripe.StripeObject]] = {
    "checkout.session": stripe.checkout.Session,
    "product": stripe.Product,
    "v2.core.event": stripe.v2.core.Event,
    "billing_portal.session": stripe.billing_portal.Session,
    "portal_flows_flow": stripe.billing_portal.Session.Flow,
    "portal_features": stripe.billing_portal.Configuration.Features,
    "portal_subscription_cancellation_reason": (
        stripe.billing_portal.Configuration.Features.SubscriptionCancel.CancellationReason
    ),
}


async def test_a_stray_field_a_missing_one_and_a_wrong_type_are_found(
    client: stripe.StripeClient, http_client: CheckedClient
) -> None:
    await a_customer(client)
    answer = http_client.answers[0]
    assert problems_with(answer) == []
    assert "'stray' was unexpected" in problems_with({**answer, "stray": 1})[0]
    assert "is not of type" in problems_with({**answer, "created": "today"})[0]
    assert "is a required property" in problems_with({name: answer[name] for name in answer if name != "id"})[0]


def test_every_kind_is_in_the_slice() -> None:
    assert set(KINDS.values()) <= set(schemas())


def test_each_newer_field_is_in_the_sdk_and_still_missing_in_the_document() -> None:
    for entry in newer_fields():
        assert entry["field"] not in schemas()[entry["schema"]]["properties"], "the document has caught up: remove it"
        assert entry["field"] in _CLASSES[entry["schema"]].__annotations__, "the SDK does not know it"
        assert entry["reason"]


async def test_every_field_of_an_answer_is_one_that_the_sdk_knows(
    client: stripe.StripeClient, http_client: CheckedClient
) -> None:
    customer = await a_customer(client)
    assert set(http_client.answers[0]) - {"object"} <= set(stripe.Customer.__annotations__)
    assert customer.email == "buyer@example.com"

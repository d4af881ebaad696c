from typing import Any

import pytest
from stripe.params import (
    CustomerCreateParams,
    CustomerListParams,
    PriceCreateParams,
    SubscriptionUpdateParams,
)
from stripe.params.checkout import SessionCreateParams

from s4_devcloud.stripe.api import all_routes
from s4_devcloud.stripe.forms import parse
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.reading import read_record
from s4_devcloud.stripe.shapes import record_of

_WITHOUT_EXPAND = ("CustomerDeleteParams", "TestClockDeleteParams", "WebhookEndpointDeleteParams")


def read(params: type, *pairs: tuple[str, str]) -> dict[str, Any]:
    return read_record(record_of(params), parse(pairs))


def refusal(params: type, *pairs: tuple[str, str]) -> tuple[str | None, str | None]:
    with pytest.raises(Problem) as refused:
        read(params, *pairs)
    assert refused.value.status == 400
    return refused.value.code, refused.value.param


def test_brackets_nest_and_lists_keep_the_order_of_their_numbers() -> None:
    pairs = [("a[b][1][c]", "second"), ("a[b][0][c]", "first"), ("x[]", "1"), ("x[]", "2")]
    assert parse(pairs) == {"a": {"b": {"1": {"c": "second"}, "0": {"c": "first"}}}, "x": {"0": "1", "1": "2"}}


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a[b]", "2")], [("a[b]", "2"), ("a", "1")], [("a]b", "1")], [("[a]", "1")]]
)
def test_keys_that_contradict_each_other_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Problem):
        parse(pairs)


def test_a_key_nested_beyond_reason_is_refused() -> None:
    with pytest.raises(Problem):
        parse([("a" + "[b]" * 40, "1")])


def test_values_get_the_types_that_the_sdk_gives_them() -> None:
    pairs = [("line_items[0][price]", "p"), ("line_items[0][quantity]", "2"), ("automatic_tax[enabled]", "true")]
    found = read(SessionCreateParams, *pairs, ("expires_at", "1790000000"), ("metadata[0]", "zero"))
    assert found == {
        "line_items": [{"price": "p", "quantity": 2}],
        "automatic_tax": {"enabled": True},
        "expires_at": 1790000000,
        "metadata": {"0": "zero"},
    }


@pytest.mark.parametrize("key", ["typo", "line_items[0][prize]", "payment_method_types[]"])
def test_a_parameter_that_the_sdk_does_not_have_is_unknown(key: str) -> None:
    assert refusal(SessionCreateParams, (key, "1"))[0] == "parameter_unknown"


@pytest.mark.parametrize("old", ["hosted", "embedded", "custom"])
def test_words_of_older_versions_are_refused(old: str) -> None:
    assert refusal(SessionCreateParams, ("ui_mode", old)) == (None, "ui_mode")


def test_a_missing_parameter_is_named_with_its_place() -> None:
    assert refusal(PriceCreateParams, ("unit_amount", "1")) == ("parameter_missing", "currency")
    nested = ("recurring[interval_count]", "1")
    assert refusal(PriceCreateParams, ("currency", "usd"), nested) == ("parameter_missing", "recurring[interval]")


@pytest.mark.parametrize("value", ["1.5", "NaN", "one", "1e9"])
def test_what_is_not_a_whole_number_is_refused(value: str) -> None:
    code = ("parameter_invalid_integer", "line_items[0][quantity]")
    assert refusal(SessionCreateParams, ("line_items[0][quantity]", value)) == code


def test_a_value_in_place_of_a_group_and_a_group_in_place_of_a_value_are_refused() -> None:
    assert refusal(SessionCreateParams, ("line_items", "x"))[1] == "line_items"
    assert refusal(SessionCreateParams, ("automatic_tax", "x"))[1] == "automatic_tax"
    assert refusal(CustomerCreateParams, ("email[a]", "x"))[1] == "email"
    assert refusal(SessionCreateParams, ("automatic_tax[enabled]", "yes"))[1] == "automatic_tax[enabled]"


def test_an_empty_value_unsets_only_what_can_be_unset() -> None:
    assert read(SubscriptionUpdateParams, ("cancel_at", "")) == {"cancel_at": ""}
    assert read(CustomerCreateParams, ("metadata", "")) == {"metadata": ""}
    assert read(CustomerCreateParams, ("metadata[gone]", "")) == {"metadata": {"gone": ""}}
    assert refusal(CustomerCreateParams, ("email", "")) == ("parameter_invalid_empty", "email")


def test_a_time_can_be_a_moment_or_a_range() -> None:
    assert read(CustomerListParams, ("created", "5")) == {"created": 5}
    assert read(CustomerListParams, ("created[gte]", "5")) == {"created": {"gte": 5}}
    assert refusal(CustomerListParams, ("created[since]", "5"))[0] == "parameter_unknown"


def test_the_types_of_every_route_can_be_read() -> None:
    for route in all_routes():
        fields = record_of(route.params).fields
        assert ("expand" in fields) is (route.path.startswith("/v1") and route.params.__name__ not in _WITHOUT_EXPAND)


def test_what_a_route_claims_to_support_exists_in_the_sdk() -> None:
    """A name that the SDK dropped would otherwise stay in the list unnoticed."""
    for route in all_routes():
        fields = record_of(route.params).fields
        generic = {"limit", "starting_after", "ending_before", "expand", "created"}
        wrong = [name for name in route.supports if name.partition(".")[0] not in fields and name not in generic]
        assert wrong == [], route.path

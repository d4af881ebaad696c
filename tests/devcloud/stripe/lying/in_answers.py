"""Lies of the API: the work is done, the answer is not as it was."""

import dataclasses
from typing import Any

from devcloud.stripe import test_idempotency, test_wire
from devcloud.stripe.behaviour import test_catalogue, test_customers, test_lists, test_requests
from devcloud.stripe.lying.lie import Lie
from s4_devcloud.stripe.api import Api, _Asked
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.forms import Raw
from s4_devcloud.stripe.idempotency import Answer
from s4_devcloud.stripe.journal import Request
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.shapes import record_of
from s4_devcloud.stripe.wire import Wire


class OldestFirst(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer = super()._change(route, asked, params)
        return {**answer, "data": answer["data"][::-1]} if answer["object"] == "list" else answer


class NeverMore(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer = super()._change(route, asked, params)
        return {**answer, "has_more": False} if answer["object"] == "list" else answer


class EndlessPages(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        return super()._change(route, asked, {name: params[name] for name in params if name != "limit"})


class DeafToExpand(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        return super()._change(route, asked, {name: params[name] for name in params if name != "expand"})


class FloatAmounts(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer: Wire = _floats(super()._change(route, asked, params))
        return answer


class Milliseconds(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer = super()._change(route, asked, params)
        return {**answer, "created": answer["created"] * 1000} if "created" in answer else answer


class WithoutLivemode(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer = super()._change(route, asked, params)
        return {name: value for name, value in answer.items() if name != "livemode"}


class WithAnExtra(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        return {**super()._change(route, asked, params), "local": True}


class ForgivingOfNames(Api):
    async def _work(self, route: Route, asked: _Asked, raw: Raw) -> Answer:
        known = record_of(route.params).fields
        return await super()._work(route, asked, {name: raw[name] for name in raw if name in known})


class AllAreBadRequests(Api):
    def _problem(self, problem: Problem, note: Request) -> Answer:
        answer = super()._problem(problem, note)
        return dataclasses.replace(answer, status=400)


class ReplacingMetadata(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        def forgetful(call: Call) -> Wire:
            if "customer" in call.names and "metadata" in call.params:
                call.tx.put({**call.tx.need("customer", call.names["customer"]), "metadata": {}})
            return route.handler(call)

        return super()._change(dataclasses.replace(route, handler=forgetful), asked, params)


class SilentReplay(Api):
    async def _answer(self, route: Route | None, asked: _Asked) -> Any:
        answer = await super()._answer(route, asked)
        asked.note.replayed = False
        return answer


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_float(name, inner) for name, inner in value.items()}
    return [_floats(inner) for inner in value] if isinstance(value, list) else value


def _as_float(name: str, value: Any) -> Any:
    return float(value) if "amount" in name and isinstance(value, int) else _floats(value)


LIES = [
    Lie(
        "lists are oldest first", test_lists.test_a_list_is_read_in_pages_that_neither_overlap_nor_miss, api=OldestFirst
    ),
    Lie("there is never more", test_lists.test_a_list_without_a_limit_holds_ten, api=NeverMore),
    Lie("limits are ignored", test_lists.test_a_list_is_read_in_pages_that_neither_overlap_nor_miss, api=EndlessPages),
    Lie("expand is ignored", test_catalogue.test_a_price_is_expanded_with_its_product_when_asked, api=DeafToExpand),
    Lie("amounts are floats", test_catalogue.test_an_amount_is_a_whole_number_of_minor_units, api=FloatAmounts),
    Lie("times are in milliseconds", test_customers.test_a_customer_is_read_back_as_it_was_made, api=Milliseconds),
    Lie("a required field is missing", test_idempotency.test_keys_mean_nothing_to_reads, api=WithoutLivemode),
    Lie("a field is there that Stripe has not", test_idempotency.test_keys_mean_nothing_to_reads, api=WithAnExtra),
    Lie("typing errors are ignored", test_customers.test_an_unknown_parameter_is_refused_by_name, api=ForgivingOfNames),
    Lie(
        "nothing is 404",
        test_wire.test_a_missing_object_is_404_in_the_path_and_400_in_a_parameter,
        api=AllAreBadRequests,
    ),
    Lie(
        "metadata is replaced",
        test_customers.test_metadata_is_merged_and_an_empty_value_removes_its_key,
        api=ReplacingMetadata,
    ),
    Lie(
        "a replay does not say so",
        test_requests.test_the_same_key_makes_one_customer_and_says_that_it_repeats,
        api=SilentReplay,
    ),
]

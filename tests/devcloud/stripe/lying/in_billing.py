"""Lies about a subscription's life: what is owed, when it ends, and who asked for it."""

import dataclasses

from devcloud.stripe import test_dunning, test_plan_changes, test_refunds, test_renewals, test_subscriptions
from devcloud.stripe.behaviour import test_money
from devcloud.stripe.behaviour import test_subscriptions as behaviour_of_subscriptions
from devcloud.stripe.lying.lie import Lie, Rewriting, manners, time_forgets
from s4_devcloud.stripe.api import Api, _Asked
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.resources import refunds
from s4_devcloud.stripe.wire import Wire


class NeverPastDue(Rewriting):
    kind = "subscription"

    def rewrite(self, row: Wire) -> None:
        row["status"] = "active" if row["status"] == "past_due" else row["status"]


class EternalPatience(Rewriting):
    kind = "subscription"

    def rewrite(self, row: Wire) -> None:
        if row["cancellation_details"]["reason"] == "payment_failed":
            row["status"] = "past_due"


class WholeDollars(Rewriting):
    kind = "invoice"

    def rewrite(self, row: Wire) -> None:
        for line in row["lines"]["data"]:
            line["amount"] -= line["amount"] % 100


class CancelsAgain(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        def cancel(call: Call) -> Wire:
            found = call.tx.need("subscription", call.names["subscription"])
            return found if found["status"] == "canceled" else route.handler(call)

        is_cancel = route.method == "DELETE" and route.path.startswith("/v1/subscriptions/")
        return super()._change(dataclasses.replace(route, handler=cancel) if is_cancel else route, asked, params)


class RefundsAnything(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        def refund(call: Call) -> Wire:
            charge = call.tx.need("charge", call.params["charge"])
            amount: int = call.params.get("amount") or charge["amount"]
            return refunds.pay_back(call.tx, charge, amount, None, {})

        is_refund = (route.method, route.path) == ("POST", "/v1/refunds") and "charge" in params
        return super()._change(dataclasses.replace(route, handler=refund) if is_refund else route, asked, params)


class OtherPreviews(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        answer = super()._change(route, asked, params)
        return {**answer, "total": answer["total"] + 1} if route.path.endswith("/create_preview") else answer


class DeletesTheNameOnly(Api):
    def _change(self, route: Route, asked: _Asked, params: Wire) -> Wire:
        def delete(call: Call) -> Wire:
            return call.tx.delete(call.tx.need("customer", call.names["customer"]))

        is_delete = (route.method, route.path) == ("DELETE", "/v1/customers/{customer}")
        return super()._change(dataclasses.replace(route, handler=delete) if is_delete else route, asked, params)


LIES = [
    Lie("a preview is not what is charged", test_money.test_a_preview_is_the_invoice_that_follows, api=OtherPreviews),
    Lie(
        "deleted customers go on paying",
        behaviour_of_subscriptions.test_a_deleted_customers_subscription_is_cancelled,
        api=DeletesTheNameOnly,
    ),
    Lie(
        "renewals are not charged",
        test_renewals.test_a_renewal_is_a_draft_for_an_hour_and_then_paid,
        time_forgets("invoice"),
    ),
    Lie(
        "a failed renewal changes nothing",
        test_dunning.test_a_renewal_that_fails_leaves_a_past_due_subscription_and_an_open_invoice,
        manners("store", NeverPastDue),
    ),
    Lie(
        "who never pays is never left",
        test_dunning.test_there_are_four_tries_and_then_no_subscription,
        manners("store", EternalPatience),
    ),
    Lie(
        "a scheduled end never comes",
        test_subscriptions.test_a_scheduled_end_comes_by_the_clock,
        time_forgets("subscription"),
    ),
    Lie(
        "prorations are in whole dollars",
        test_plan_changes.test_an_upgrade_invoiced_at_once_costs_the_difference_to_the_second,
        manners("store", WholeDollars),
    ),
    Lie(
        "a subscription can be cancelled twice",
        test_subscriptions.test_what_has_ended_cannot_be_canceled_or_changed,
        api=CancelsAgain,
    ),
    Lie(
        "more can be refunded than is left",
        test_refunds.test_parts_are_refunded_until_nothing_is_left,
        api=RefundsAnything,
    ),
]

"""Lies about money that goes back, and about who is told of it."""

import dataclasses

from devcloud.stripe import (
    test_credit_notes,
    test_disputes,
    test_endpoints,
    test_refunds,
    test_test_clocks,
    test_thin_events,
)
from devcloud.stripe.lying.lie import Lie, Rewriting, manners, time_forgets
from s4_devcloud.stripe.endpoints import Endpoint
from s4_devcloud.stripe.resources import test_clocks as clocks
from s4_devcloud.stripe.webhooks import Webhooks
from s4_devcloud.stripe.wire import Wire


class NothingWentBack(Rewriting):
    kind = "charge"

    def rewrite(self, row: Wire) -> None:
        row.update(amount_refunded=0, refunded=False)


class RefundsNeverFail(Rewriting):
    kind = "refund"

    def rewrite(self, row: Wire) -> None:
        row["status"] = "succeeded"


class NobodyDisputes(Rewriting):
    kind = "charge"

    def rewrite(self, row: Wire) -> None:
        row["disputed"] = False


class WonForNothing(Rewriting):
    kind = "dispute"

    def rewrite(self, row: Wire) -> None:
        row["balance_transactions"] = row["balance_transactions"][:1]


class NeverTooLate(Rewriting):
    kind = "dispute"

    def rewrite(self, row: Wire) -> None:
        if row["evidence_details"]["past_due"]:
            row["status"] = "needs_response"


class AlwaysSomethingToDo(Rewriting):
    kind = "radar.early_fraud_warning"

    def rewrite(self, row: Wire) -> None:
        row["actionable"] = True


class OwedAllTheSame(Rewriting):
    kind = "invoice"

    def rewrite(self, row: Wire) -> None:
        if row["pre_payment_credit_notes_amount"] > 0:
            row["amount_remaining"] = row["total"]


class ToldEverything(Webhooks):
    def _wanting(self, event: Wire) -> list[Endpoint]:
        return [endpoint for endpoint in self.endpoints() if event]


class ToldTheWholeObject(Webhooks):
    def _wanting(self, event: Wire) -> list[Endpoint]:
        return [dataclasses.replace(endpoint, is_thin=False) for endpoint in super()._wanting(event)]


LIES = [
    Lie(
        "a charge hides what was refunded",
        test_refunds.test_a_full_refund_pays_back_all_that_is_left,
        manners("store", NothingWentBack),
    ),
    Lie(
        "a refund never fails",
        test_refunds.test_a_refund_that_fails_later_can_be_made_again,
        manners("store", RefundsNeverFail),
    ),
    Lie(
        "a charge hides that it is disputed",
        test_disputes.test_a_won_dispute_brings_the_money_back_and_the_charge_stays_disputed,
        manners("store", NobodyDisputes),
    ),
    Lie(
        "who wins a dispute gets nothing back",
        test_disputes.test_a_won_dispute_brings_the_money_back_and_the_charge_stays_disputed,
        manners("store", WonForNothing),
    ),
    Lie(
        "a dispute waits for ever",
        test_disputes.test_a_dispute_that_nobody_answers_is_lost_by_the_clock,
        manners("store", NeverTooLate),
    ),
    Lie(
        "a warning is actionable for ever",
        test_disputes.test_an_early_fraud_warning_is_actionable_until_the_charge_is_refunded,
        manners("store", AlwaysSomethingToDo),
    ),
    Lie(
        "a credit note changes nothing that is owed",
        test_credit_notes.test_a_credit_note_on_an_open_invoice_lowers_what_is_owed_and_can_be_voided,
        manners("store", OwedAllTheSame),
    ),
    Lie(
        "a test clock never arrives",
        test_test_clocks.test_a_subscription_renews_when_its_clock_goes_ahead,
        time_forgets(clocks.KIND),
    ),
    Lie(
        "every endpoint is told everything",
        test_endpoints.test_each_endpoint_gets_what_it_enabled_signed_with_its_own_secret,
        manners("webhooks", ToldEverything),
    ),
    Lie(
        "thin events carry the object",
        test_thin_events.test_a_thin_event_names_the_object_and_leads_to_it,
        manners("webhooks", ToldTheWholeObject),
    ),
]

"""What is true now, from what was told."""

from datetime import timedelta
from typing import Any

import pytest

from s4_contracts import Event, routing_key
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import SubscriptionId
from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from s4_contracts.notifier import LetterBounced, LetterComplained, LetterSent
from s4_contracts.provisioner import (
    DeletionScheduled,
    GridDeleted,
    GridProved,
    GridResumed,
    GridSuspended,
    InstanceLost,
    InstanceReady,
    InstanceRecovered,
    ProvisioningFailed,
    ProvisioningProgressed,
    UsageMeasured,
)
from s4_runtime import new_id
from s4_support import standing
from s4_support.records import facts_of
from s4_support.timeline import Told
from support.support_page import START, Customer

NOW = START + timedelta(days=1)


class Story:
    """Events of a customer, an hour after each other."""

    def __init__(self) -> None:
        self.customer = Customer()
        self.told: list[Told] = []

    def then(self, kind: type[Event], **facts: Any) -> "Story":
        at = START + timedelta(hours=len(self.told))
        event = self.customer.event(kind, at, **facts)
        self.told.append(Told(new_id(), routing_key(event), at, "story", facts_of(event)))
        return self

    def line(self, label: str) -> str:
        found = [line.words for line in standing.lines(list(reversed(self.told)), NOW) if line.label == label]
        return found[0] if found else ""


def test_of_nobody_nothing_is_known() -> None:
    story = Story()
    assert story.line("Paid") == "nothing is known of a payment"
    assert story.line("Grid") == "nothing is known of a grid"
    assert story.line("Next date") == "nothing is due that events tell of"


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([SignupPaid], "on trial until 31 March 2026, 12:00 UTC"),
        ([SignupPaid, SubscriptionRenewed], "yes, until 31 March 2026, 13:00 UTC"),
        ([SignupPaid, PaymentFailed], "no: a payment failed; served until 31 March 2026, 13:00 UTC"),
        ([SignupPaid, PaymentFailed, PaymentRecovered], "yes"),
        ([SignupPaid, PaymentFailed, ServiceSuspended], "stopped by billing: unpaid"),
        ([SignupPaid, ServiceSuspended, ServiceResumed], "yes"),
        ([SignupPaid, CancellationScheduled], "yes, and cancelled; served until 31 March 2026, 13:00 UTC"),
        ([SignupPaid, CancellationScheduled, CancellationReverted], "yes"),
        ([SignupPaid, CancellationScheduled, SubscriptionEnded], "ended: cancelled"),
    ],
)
def test_whether_it_is_paid(kinds: list[type[Event]], words: str) -> None:
    story = Story()
    for revision, kind in enumerate(kinds):
        story.then(kind, revision=revision)
    assert story.line("Paid") == words


def test_the_revision_decides_what_is_newer_and_the_newest_subscription_counts() -> None:
    story = Story().then(SignupPaid, trial_end=None, revision=5).then(PaymentFailed, revision=4)
    assert story.line("Paid").startswith("yes, until")
    story.customer.ids["subscription_id"] = SubscriptionId(new_id())
    story.then(SubscriptionEnded, revision=1)
    assert story.line("Paid") == "ended: cancelled"


def test_the_plan_and_a_dispute_are_lines_of_their_own() -> None:
    story = Story().then(SignupPaid, revision=0).then(PlanChanged, plan="studio", revision=1)
    assert story.line("Plan") == "studio"
    assert story.line("Disputed") == ""
    assert story.then(DisputeOpened, revision=2).line("Disputed").startswith("a payment is contested")
    assert story.then(DisputeClosed, revision=3).line("Disputed") == ""


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([ProvisioningProgressed], "is being built: host started (4 of 8)"),
        ([ProvisioningProgressed, ProvisioningFailed], "could not be built: no-capacity at host"),
        ([ProvisioningProgressed, InstanceReady], "served"),
        ([InstanceReady, GridSuspended], "stopped; wanted by: owner"),
        ([InstanceReady, GridSuspended, GridResumed], "served"),
        ([InstanceReady, InstanceLost], "its host was lost (no-capacity); another is being prepared"),
        ([InstanceReady, InstanceLost, InstanceRecovered], "served"),
        ([InstanceReady, GridSuspended, GridDeleted], "deleted"),
        ([InstanceReady, GridDeleted, InstanceRecovered], "deleted"),
    ],
)
def test_how_the_grid_is(kinds: list[type[Event]], words: str) -> None:
    story = Story()
    for kind in kinds:
        story.then(kind)
    assert story.line("Grid") == words


def test_the_last_proof_is_the_newest_of_all_kinds() -> None:
    story = Story().then(InstanceReady)
    assert story.line("Last proof") == "1 March 2026, 12:00 UTC"
    assert story.then(GridProved).then(InstanceLost).line("Last proof") == "1 March 2026, 13:00 UTC"
    assert Story().then(ProvisioningProgressed).line("Last proof") == "not proved by a client yet"


def test_usage_is_of_the_quota_if_there_is_one() -> None:
    assert Story().then(UsageMeasured).line("Usage") == "1.5 MB of 250 GB"
    assert Story().then(UsageMeasured, quota_bytes=None).line("Usage") == "1.5 MB of no limit"


def test_invites_are_counted_by_what_became_of_them() -> None:
    story = Story().then(InviteOpened).then(InviteClaimed)
    story.customer.ids["invite_id"] = new_id()
    story.then(InviteEnded, outcome="guessed").then(InviteOpened)
    assert story.line("Invites") == "1 claimed, 1 guessed"


def test_the_next_date_is_the_first_that_still_holds() -> None:
    paid = Story().then(SignupPaid)
    assert paid.line("Next date") == "31 March 2026, 12:00 UTC: the next period is billed"
    soon = START + timedelta(days=3)
    failed = paid.then(PaymentFailed, next_attempt_at=soon)
    assert failed.line("Next date") == "4 March 2026, 12:00 UTC: the payment is tried again"
    assert failed.then(PaymentRecovered).line("Next date").endswith("the next period is billed")


def test_after_the_end_the_next_date_is_that_of_the_deletion_and_then_none() -> None:
    story = Story().then(SignupPaid).then(SubscriptionEnded)
    assert story.line("Next date") == "31 March 2026, 13:00 UTC: what is stored is deleted"
    story.then(DeletionScheduled, delete_at=START + timedelta(days=2))
    assert story.line("Next date") == "3 March 2026, 12:00 UTC: what is stored is deleted"
    assert story.then(GridDeleted).line("Next date") == "nothing is due that events tell of"


def test_an_open_invite_expires_and_a_used_one_does_not() -> None:
    story = Story().then(InviteOpened)
    assert story.line("Next date").endswith("an invite expires")
    assert story.then(InviteClaimed).line("Next date") == "nothing is due that events tell of"


def test_the_worst_that_became_of_a_letter_is_its_fate_whatever_came_first() -> None:
    orders: list[list[type[Event]]] = [[LetterSent, LetterBounced], [LetterBounced, LetterSent]]
    for kinds in orders:
        story = Story()
        for kind in kinds:
            story.then(kind, code="5.1.1")
        (letter,) = standing.letters(story.told)
        assert letter.fate == "refused for good (5.1.1)"
        assert letter.at == START
    (letter,) = standing.letters(Story().then(LetterSent).then(LetterComplained).told)
    assert letter.fate == "called spam by who got it"


def test_grids_that_are_deleted_are_none_to_send_a_link_for() -> None:
    story = Story().then(InstanceReady)
    first = story.customer.ids["grid_id"]
    story.customer.ids["grid_id"] = second = new_id()
    assert standing.grids(story.then(InstanceReady).told) == [second, first]
    assert standing.grids(story.then(GridDeleted).told) == [first]

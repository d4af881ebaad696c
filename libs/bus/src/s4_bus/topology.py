"""All exchanges, queues and bindings, as data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

from s4_contracts import EVENTS, Event, routing_key
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from s4_contracts.notifier import LetterBounced, LetterComplained, LetterSent
from s4_contracts.provisioner import (
    CapacityReported,
    DeletionScheduled,
    FurlIssued,
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
from s4_contracts.support import LetterRequested, LinkRequested
from s4_contracts.web import (
    EmailChanged,
    EmailChangeRequested,
    ErasureChosen,
    FurlClaimed,
    InviteRequested,
    LanguageChosen,
    OptionalLettersChosen,
    PauseChosen,
    SignInRequested,
)

EXCHANGE = "s4.events"

# Who listens to what. A relay sees to it that an event's listeners have their queues before it first publishes the
# event, so that nothing is lost on a listener that has never run.
LISTENERS: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "web": (
            SignupPaid,
            SubscriptionRenewed,
            PaymentFailed,
            PaymentRecovered,
            ServiceSuspended,
            ServiceResumed,
            CancellationScheduled,
            CancellationReverted,
            SubscriptionEnded,
            PlanChanged,
            RefundIssued,
            DisputeOpened,
            DisputeClosed,
            ProvisioningProgressed,
            InstanceReady,
            FurlIssued,
            ProvisioningFailed,
            GridSuspended,
            GridResumed,
            GridDeleted,
            InstanceLost,
            InstanceRecovered,
            UsageMeasured,
            CapacityReported,
            GridProved,
            DeletionScheduled,
            LetterSent,
            LetterBounced,
            LetterComplained,
            InviteOpened,
            InviteClaimed,
            InviteEnded,
        ),
        "billing": (ProvisioningFailed, GridDeleted, UsageMeasured, CapacityReported, EmailChanged),
        "provisioner": (
            SignupPaid,
            ServiceSuspended,
            ServiceResumed,
            SubscriptionEnded,
            PlanChanged,
            DisputeOpened,
            DisputeClosed,
            PauseChosen,
            ErasureChosen,
        ),
        "notifier": (
            SignupPaid,
            SubscriptionRenewed,
            PaymentFailed,
            PaymentRecovered,
            ServiceSuspended,
            CancellationScheduled,
            CancellationReverted,
            SubscriptionEnded,
            PlanChanged,
            RefundIssued,
            FurlIssued,
            GridSuspended,
            GridResumed,
            GridDeleted,
            InstanceLost,
            InstanceRecovered,
            UsageMeasured,
            InviteRequested,
            SignInRequested,
            FurlClaimed,
            DeletionScheduled,
            LanguageChosen,
            OptionalLettersChosen,
            EmailChangeRequested,
            EmailChanged,
            InviteOpened,
            InviteClaimed,
            LetterRequested,
            LinkRequested,
        ),
        "invites": (FurlIssued, GridDeleted),
        "support": tuple(event for event in EVENTS if not routing_key(event).startswith("support.")),
    }
)

# A message that ends its process is parked after so many redeliveries. A lost connection counts as one, too.
DELIVERY_LIMIT = 6

RETRY_DELAYS: Mapping[str, timedelta] = MappingProxyType(
    {
        "1s": timedelta(seconds=1),
        "5s": timedelta(seconds=5),
        "30s": timedelta(seconds=30),
        "5m": timedelta(minutes=5),
    }
)

# RabbitMQ, "Quorum Queues", at-least-once dead lettering: asks for reject-publish; nothing is lost on the way over.
_SAFE_DEAD_LETTERS = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


class Queue(msgspec.Struct, frozen=True):
    """A durable quorum queue. ``dead_letters`` names the queue that gets what is expired or delivered too often."""

    name: str
    dead_letters: str | None = None
    delivery_limit: int | None = None

    @property
    def arguments(self) -> dict[str, str | int]:
        """As the broker wants them. They are compared when the queue is declared again."""
        found: dict[str, str | int] = {"x-queue-type": "quorum"}
        if self.dead_letters is not None:
            found |= {
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": self.dead_letters,
                **_SAFE_DEAD_LETTERS,
            }
        if self.delivery_limit is not None:
            found["x-delivery-limit"] = self.delivery_limit
        return found


def main_queue(service: str) -> Queue:
    """What the service consumes."""
    return Queue(f"s4.{service}", dead_letters=f"s4.{service}.parked", delivery_limit=DELIVERY_LIMIT)


def parked_queue(service: str) -> Queue:
    """What a person must look at."""
    return Queue(f"s4.{service}.parked")


def retry_queue(service: str, tier: str) -> Queue:
    """Messages that return to the service's queue when they expire."""
    return Queue(f"s4.{service}.retry.{tier}", dead_letters=f"s4.{service}")


def queues(service: str) -> tuple[Queue, ...]:
    """All of the service. Those that others name as the place of their dead letters come first."""
    return parked_queue(service), main_queue(service), *(retry_queue(service, tier) for tier in RETRY_DELAYS)


def own_exchange(service: str) -> str:
    """The direct exchange that leads to the service's own queues, each by its name, and to nobody else's.

    The broker's default exchange leads to every queue: who may write to it may put events before anybody.
    """
    return f"s4.{service}.own"


def heard(service: str) -> tuple[str, ...]:
    """The routing keys that the service's queue is bound to."""
    return tuple(map(routing_key, LISTENERS.get(service, ())))


def edition() -> str:
    """Names an exchange that stands for these listeners: where it is, so are all their queues and bindings.

    A client without rights cannot see bindings. Definitions only ever add, so the names of earlier editions stay.
    """
    lines = sorted(f"{service} {name}" for service in LISTENERS for name in heard(service))
    return f"s4.edition.{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}"

"""All exchanges, queues and bindings, as data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec
from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import ChannelPreconditionFailed

from s4_bus.connection import ANSWER_TIMEOUT
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
from s4_runtime import Permanent

EXCHANGE = "s4.events"

# Who listens to what. A relay makes the queues of an event's listeners before it first publishes the event, so that
# nothing is lost on a listener that has never run.
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


async def declare_service(channel: AbstractChannel, service: str, types: Iterable[str]) -> None:
    """All queues of the service exist, and its queue is bound to these events."""
    for queue in (parked_queue(service), *(retry_queue(service, tier) for tier in RETRY_DELAYS)):
        await _declare(channel, queue)
    await _bind(channel, service, types)


async def declare_listeners(channel: AbstractChannel, name: str) -> None:
    """Everybody who is to hear of the event has a queue bound to it."""
    await declare_exchange(channel)
    for service, events in LISTENERS.items():
        if name in map(routing_key, events):
            await _bind(channel, service, [name])


async def declare_exchange(channel: AbstractChannel) -> None:
    """The one exchange exists."""
    await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)


async def _bind(channel: AbstractChannel, service: str, types: Iterable[str]) -> None:
    await declare_exchange(channel)
    queue = await _declare(channel, main_queue(service))
    for name in types:
        await queue.bind(EXCHANGE, name)


async def _declare(channel: AbstractChannel, queue: Queue) -> AbstractQueue:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            return await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    except ChannelPreconditionFailed:
        raise Permanent("queue-declared-differently", queue=queue.name) from None

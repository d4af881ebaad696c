"""How a step can end. What it found out is kept by ``apply``, in the transaction that also moves the grid on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from s4_provisioner.fleet.lifecycle import HostStage
from s4_store import Transaction

Apply = Callable[[Transaction], Awaitable[None]]


async def nothing(_tx: Transaction) -> None:
    """Keep nothing."""


class Done(msgspec.Struct, frozen=True):
    """The step's promise holds: on to the next stage."""

    apply: Apply = nothing


class Again(msgspec.Struct, frozen=True):
    """Something must be kept before the step acts on it: the same step follows at once."""

    apply: Apply


class NotYet(msgspec.Struct, frozen=True):
    """Nothing is wrong, it only takes time: look again after ``delay``."""

    delay: timedelta


class BackTo(msgspec.Struct, frozen=True):
    """What an earlier step left holds no more: the host goes on from that stage."""

    stage: HostStage
    apply: Apply


class MachineLost(msgspec.Struct, frozen=True):
    """The host's machine is gone or of no use: the host goes, and the grid goes on with another one.

    With ``others_stay`` it is of no use to this grid alone: it takes no more, and keeps those that it has.
    """

    code: str
    others_stay: bool = False


Outcome = Done | Again | NotYet | MachineLost
HostOutcome = Outcome | BackTo

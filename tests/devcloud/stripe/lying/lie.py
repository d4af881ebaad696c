"""What a lie is: one thing that a stand-in does otherwise than Stripe, and the test that must find it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from s4_devcloud.stripe.agenda import Entry
from s4_devcloud.stripe.api import Api
from s4_devcloud.stripe.store import Cause, Store, Transaction
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World

Spoil = Callable[[World], None]
Test = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Lie:
    """A stand-in that is spoilt, or whose API is another one; `found_by` is a test that an honest one passes."""

    claim: str
    found_by: Test
    spoil: Spoil | None = None
    api: type[Api] = Api


def manners(part: str, kind: type[Any]) -> Spoil:
    """Spoil one part of the world: it keeps its place and its memory, and behaves like `kind`, a subclass."""

    def spoil(world: World) -> None:
        vars(world)[part].__class__ = kind

    return spoil


def time_forgets(kind: str) -> Spoil:
    """Time does nothing to objects of a kind."""

    def spoil(world: World) -> None:
        never = Entry(lambda _: None, lambda _, __: None)
        world._agenda._timetable = {**world._agenda._timetable, kind: never}

    return spoil


class Rewriting(Store):
    """Something else is kept than what was put."""

    kind = ""

    def rewrite(self, row: Wire) -> None:
        raise NotImplementedError

    def _commit(self, change: Transaction, cause: Cause) -> None:
        for row in change.staged.get(self.kind, {}).values():
            self.rewrite(row)
        super()._commit(change, cause)

"""What a lie is: one thing that a stand-in does otherwise than Stripe, and the test that must find it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from s4_devcloud.stripe.api import Api
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

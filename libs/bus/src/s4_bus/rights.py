"""What each service's user may do at the broker: its work, and nothing else."""

from __future__ import annotations

import re

import msgspec

from s4_bus.topology import EXCHANGE, LISTENERS, main_queue, own_exchange, parked_queue

NOTHING = "^$"


class Rights(msgspec.Struct, frozen=True):
    """Regular expressions, as RabbitMQ matches them with names of exchanges and queues, and with routing keys."""

    configure: str
    write: str
    read: str
    publish: str = NOTHING


# Of the user of the operators' desk, which looks at parked messages and puts them back where they were to go. It can
# put anything before any service: operators use it through the support service, which keeps a record.
DESK = Rights(configure=NOTHING, write=r"^s4\.[a-z]+\.own$", read=r"^s4\.[a-z]+\.parked$")
# Of everybody else, such as who scales by the length of queues: that is told to whoever may enter.
NOBODY = Rights(configure=NOTHING, write=NOTHING, read=NOTHING)


def rights(service: str) -> Rights:
    """Of the user named after the service.

    It publishes its own events, takes from its own queue, and moves messages between its own queues. It makes nothing
    and binds nothing: that is done from the definitions.
    """
    return Rights(
        configure=NOTHING,
        write=_any(EXCHANGE, own_exchange(service)),
        read=_any(main_queue(service).name, parked_queue(service).name),
        publish=f"^{service}\\.",
    )


def everybody() -> tuple[str, ...]:
    """The users, named after their services."""
    return tuple(LISTENERS)


def _any(*names: str) -> str:
    return f"^({'|'.join(map(re.escape, names))})$"

"""The Foolscap connections of a node that stops: Foolscap says goodbye on each, and waits for who will never answer."""

from typing import Any

from allmydata.node import Node
from twisted.internet.interfaces import IDelayedCall, IReactorTime

GOODBYE_SECONDS = 2.0  # for a client to close its side; one that sleeps, or whose network is gone, does not


def cut_soon(nodes: list[Node], clock: IReactorTime) -> IDelayedCall:
    """Whatever connection these nodes have now ends, with its client's consent or without."""
    transports: list[Any] = [broker.transport for node in nodes for broker in node.tub.brokers.values()]

    def cut() -> None:
        for transport in transports:
            transport.abortConnection()  # nothing happens to what is closed

    return clock.callLater(GOODBYE_SECONDS, cut)

"""A node that is told to stop."""

import time

import pytest

from support.elsewhere import Elsewhere
from support.shares import use
from support.speaking import PROTOCOLS, Protocol, Speak

SOON_SECONDS = 10.0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_node_stops_soon_though_a_client_does_not_answer(node: Elsewhere, spoken: Speak, protocol: Protocol) -> None:
    node.move()
    node.until_served()
    client = spoken(protocol, node)
    use(client)
    assert node.storage is not None

    began = time.monotonic()
    assert node.storage.stop() == 0  # and this client sleeps meanwhile: its reactor is this test's
    assert time.monotonic() - began < SOON_SECONDS

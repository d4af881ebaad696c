"""A node that is told to stop."""

import time

import pytest

from support.elsewhere import Elsewhere
from support.s3_control import S3Control
from support.shares import use
from support.speaking import PROTOCOLS, Protocol, Speak

SOON_SECONDS = 10.0
SUPERVISORS_SECONDS = 15.0  # TimeoutStopSec of a grid's unit, after which it would be killed


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


@pytest.mark.parametrize("fault", [pytest.param("internal_error", marks=pytest.mark.long), "hang"])
def test_a_node_stops_in_time_though_its_store_is_gone(
    node: Elsewhere, spoken: Speak, s3_control: S3Control, fault: str
) -> None:
    """What it would like to write down is not worth more than the time that systemd gives it."""
    node.move()
    node.until_served()
    use(spoken("https", node))
    s3_control.fail(fault, times=None)
    assert node.storage is not None

    began = time.monotonic()
    assert node.storage.stop() == 0
    assert time.monotonic() - began < SUPERVISORS_SECONDS

"""S3 is slow: clients see a server that is there all the time, and get what they asked for."""

import time
from pathlib import Path
from typing import Any

import pytest
from allmydata.immutable.upload import Data
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from s4_node.probe.client import connected_client
from s4_node.probe.request import Request
from support.elsewhere import Elsewhere
from support.ledger import check_slot, check_upload
from support.load import change, store
from support.s3_control import S3Control
from support.shares import a_slot, an_upload
from support.speaking import PROTOCOLS, Speak, Speaking
from support.spinning import spin

ALIVE_WITHIN_SECONDS = 1.0  # a 1.20.0 client that gets no version for 5 takes the server for dead


async def work(client: Speaking) -> None:
    """Of each kind one."""
    upload, slot = an_upload(), a_slot()
    await store(client, upload)
    await check_upload(client, upload)
    assert await change(client, slot)
    await check_slot(client, slot)


async def watched(client: Speaking, works: "list[Deferred[None]]") -> float:
    """The longest that a version took while all that was worked; at once, one after the other."""
    longest = 0.0
    while not all(each.called for each in works):
        began = time.monotonic()
        await client.server.get_version()
        longest = max(longest, time.monotonic() - began)
        await deferLater(reactor, 0.05)
    for each in works:
        await each
    return longest


def slowly(node: Elsewhere, spoken: Speak, s3_control: S3Control, seconds: float) -> None:
    node.move()
    node.until_served()
    s3_control.latency(1000 * seconds)
    works = [Deferred.fromCoroutine(work(spoken(protocol, node))) for protocol in PROTOCOLS for _ in range(3)]
    began = time.monotonic()
    longest: float = spin(watched(spoken("https", node), works), 100)
    assert time.monotonic() - began > 2 * seconds  # it was slow
    assert longest < ALIVE_WITHIN_SECONDS


@pytest.mark.long
def test_a_node_answers_at_once_while_s3_takes_half_a_second_for_everything(
    node: Elsewhere, spoken: Speak, s3_control: S3Control
) -> None:
    slowly(node, spoken, s3_control, 0.5)


@pytest.mark.long
def test_a_node_answers_at_once_while_s3_takes_eight_seconds_for_everything(
    node: Elsewhere, spoken: Speak, s3_control: S3Control
) -> None:
    slowly(node, spoken, s3_control, 8)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Tahoe-LAFS leaves files open
def test_a_whole_client_stays_connected_while_s3_takes_eight_seconds_for_everything(
    node: Elsewhere, s3_control: S3Control, tmp_path: Path
) -> None:
    node.introduce()
    node.move().until_ready()
    client: Any = spin(connected_client(tmp_path / "client", Request(node.grid.introducer_furl, 1, 60.0), 30), 40)
    s3_control.latency(8000)
    content = b"of a customer " * 10_000
    done: list[Any] = []
    client.upload(Data(content, convergence=None)).addBoth(done.append)
    (server,) = client.storage_broker.get_connected_servers()

    async def watching() -> int:
        looks = 0
        while not done:
            assert server.is_connected()
            looks += 1
            await deferLater(reactor, 0.5)
        return looks

    assert spin(watching(), 90) > 2 * 8
    assert spin(client.create_node_from_uri(done[0].get_uri()).download_best_version(), 90) == content
    assert server.is_connected()
    spin(client.stopService())

"""A node killed at any moment, under load, and started elsewhere: nothing that a client was told is lost."""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater

from commands import run
from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.storage import layout
from s4_node.storage.abandoned import ABANDONED_AFTER, FIRST_WITHIN_SECONDS, Sweep
from s4_node.workers import Workers
from support.elsewhere import Elsewhere
from support.ledger import Ledger
from support.load import Load
from support.s3_control import S3Control
from support.speaking import PROTOCOLS, Speaking, speak
from support.spinning import spin, until

FEWEST_CONFIRMED = 3  # for each kill, or there was no load


class Killing:
    """A grid whose storage server is killed again and again while clients use it."""

    def __init__(self, node: Elsewhere, seed: int) -> None:
        print(f"seed {seed}")
        self.node, self.dice = node, random.Random(seed)
        self.ledger = Ledger()
        self.load = Load(self.ledger, self.dice)
        self.kills = 0
        self.known = 0  # uploads that were looked at after a kill

    def once(self) -> None:
        """Serve elsewhere, or rarely on what is left of the same disk; see that all is there; work; be killed."""
        stays = self.kills > 0 and self.dice.random() < 0.15
        (self.node.again() if stays else self.node.move()).until_ready()
        speakers: list[Speaking] = [spin(speak(protocol, self.node)) for protocol in PROTOCOLS]
        spin(self._look(speakers), 60)
        self.load.begin(speakers)
        spin(deferLater(reactor, self.dice.uniform(0.05, 1.0)))
        self.node.kill()
        self.kills += 1
        spin(self.load.end())
        for speaking in speakers:
            spin(speaking.hang_up())
        assert self.load.troubles == []

    def all(self) -> None:
        """Whatever was confirmed is read, elsewhere again, half of it through each protocol."""
        self.node.move().until_ready()
        for number, protocol in enumerate(PROTOCOLS):
            speaking: Speaking = spin(speak(protocol, self.node))
            spin(self.ledger.check(speaking, self.ledger.uploads[number::2]), 110)
            spin(speaking.hang_up())
        confirmed = len([*self.ledger.confirmed])
        print(
            f"{self.kills} kills; {confirmed} confirmed shares, {len([*self.ledger.unanswered])} unanswered, "
            f"{self.ledger.confirmed_updates} confirmed updates of {len(self.ledger.slots)} mutable shares; 0 lost"
        )
        assert confirmed + self.ledger.confirmed_updates >= FEWEST_CONFIRMED * self.kills

    async def _look(self, speakers: list[Speaking]) -> None:
        """At what is new since the last look, at some of the old, and at every slot."""
        new, old = self.ledger.uploads[self.known :], self.ledger.uploads[: self.known]
        chosen = [*new, *self.dice.sample(old, min(5, len(old)))]
        await self.ledger.check(self.dice.choice(speakers), chosen)
        self.known = len(self.ledger.uploads)


def check_bucket(store: Store) -> None:
    """Every object is whole; what was left of uploads is gone when a day has passed."""
    bucket = Bucket(store)
    place = f"s3://{store.bucket}/?endpoint={store.endpoint}&region={store.region}&credentials={store.credentials}"
    verified = run("s4-node", "verify", place, "--quiet", "--json")
    assert verified.json["damaged"] == {}, verified
    assert verified.json["shares"] > 0
    strange = [stat.key for stat in bucket.list("") if layout.share_name(stat.key) is None]
    assert [key for key in strange if key != layout.USAGE and layout.leases_name(key) is None] == []
    left = len([*bucket.uploads("")])
    tomorrow = Clock()
    tomorrow.advance((datetime.now(UTC) + ABANDONED_AFTER + timedelta(minutes=1)).timestamp())
    workers = Workers(4, reactor=reactor)
    workers.start()
    sweep = Sweep(Objects(bucket, workers.lane("sweep", 4)), list, tomorrow)
    sweep.start()
    tomorrow.advance(FIRST_WITHIN_SECONDS)
    until(lambda: not [*bucket.uploads("")])
    sweep.stop()
    spin(workers.stop())
    print(f"{left} unfinished multipart uploads were left, and swept a day later")


def killed(node: Elsewhere, kills: int, seconds: float) -> Killing:
    """So many kills, or as many as fit into the time."""
    node.introduce()
    killing, deadline = Killing(node, secrets.randbits(32)), time.monotonic() + seconds
    while killing.kills < kills and time.monotonic() < deadline:
        killing.once()
    killing.all()
    check_bucket(node.store)
    return killing


def test_a_node_killed_under_load_five_times_and_started_elsewhere_has_lost_nothing(
    node: Elsewhere, s3_control: S3Control
) -> None:
    s3_control.latency(10)
    assert killed(node, 5, 60).kills == 5


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_node_killed_under_load_a_hundred_times_has_lost_nothing(node: Elsewhere, s3_control: S3Control) -> None:
    s3_control.latency(15)
    assert killed(node, 100, 600).kills == 100

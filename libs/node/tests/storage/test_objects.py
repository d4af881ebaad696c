"""A grid's objects without blocking: every operation of a bucket, over the wire, through a lane."""

import inspect
from collections.abc import Iterator

import pytest
from twisted.internet.defer import gatherResults

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import ConditionFailed, Missing
from s4_node.s3.values import Absent, Store, Unchanged
from s4_node.workers import Workers
from support.s3_control import S3Control
from support.spinning import reactor, spin

PART = 5 * 2**20


@pytest.fixture
def objects(store: Store) -> Iterator[Objects]:
    workers = Workers(4, reactor=reactor)
    workers.start()
    yield Objects(Bucket(store), workers.lane("grid", 4))
    spin(workers.stop())


def test_what_is_put_can_be_got_whole_and_in_part(objects: Objects) -> None:
    etag = spin(objects.put("a", b"0123456789"))
    assert spin(objects.get("a")).body == b"0123456789"
    got = spin(objects.get("a", 2, 5, etag=etag))
    assert (got.body, got.size, got.etag) == (b"234", 10, etag)
    assert spin(objects.get_if_changed("a", etag)) is None
    assert spin(objects.head("a")).size == 10


def test_conditions_and_errors_come_through(objects: Objects) -> None:
    etag = spin(objects.put("a", b"one", only_if=Absent()))
    with pytest.raises(ConditionFailed):
        spin(objects.put("a", b"two", only_if=Absent()))
    newer = spin(objects.put("a", b"two", only_if=Unchanged(etag)))
    with pytest.raises(ConditionFailed):
        spin(objects.get("a", etag=etag))
    changed = spin(objects.get_if_changed("a", etag))
    assert changed is not None
    assert (changed.body, changed.etag) == (b"two", newer)
    with pytest.raises(Missing):
        spin(objects.get("b"))


def test_lists_are_whole(objects: Objects) -> None:
    spin(gatherResults([objects.put(f"x/{number}", b"") for number in range(5)]))
    assert [stat.key for stat in spin(objects.list("x/"))] == [f"x/{number}" for number in range(5)]
    assert [stat.key for stat in spin(objects.list("x/", after="x/2"))] == ["x/3", "x/4"]
    page, after = spin(objects.list_page("x/", limit=2))
    assert [stat.key for stat in page] == ["x/0", "x/1"]
    assert after
    spin(objects.delete("x/0"))
    spin(objects.delete_many(["x/1", "x/2"]))
    assert [stat.key for stat in spin(objects.list("x/"))] == ["x/3", "x/4"]


def test_uploads_in_parts(objects: Objects) -> None:
    upload, given_up = spin(objects.begin_upload("big")), spin(objects.begin_upload("big"))
    etags = [
        spin(objects.put_part("big", upload, number, body)) for number, body in [(1, b"a" * PART), (2, b"the end")]
    ]
    assert {pending.upload for pending in spin(objects.uploads(""))} == {upload, given_up}
    spin(objects.complete_upload("big", upload, etags, only_if=Absent()))
    spin(objects.abort_upload("big", given_up))
    assert spin(objects.uploads("")) == []
    assert spin(objects.get("big", PART)).body == b"the end"


def test_the_unhurried_ask_the_same_bucket(objects: Objects, s3_control: S3Control) -> None:
    etag = spin(objects.put("a", b"0123456789"))
    asked = objects.unhurried().get("a", 0, 3, etag=etag)
    objects.hurry(asked)
    assert spin(asked).body == b"012"
    assert s3_control.counts()["GetObject"] == 1


OPERATIONS = {name for name, _ in inspect.getmembers(Objects, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(OPERATIONS - {"unhurried", "hurry", "capabilities"}))
def test_arguments_are_those_of_the_bucket(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(kind, name)).parameters for kind in (Objects, Bucket))
    assert {n: (p.kind, p.default) for n, p in ours.items()} == {n: (p.kind, p.default) for n, p in theirs.items()}

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from s4_provisioner.fleet.quotas import Allowed
from s4_provisioner.fleet.room import Room, Standing, room

PLENTY = Allowed(vcpus=1000, buckets=1000)
NUMBERS = some.integers(0, 50)


def standing(**changed: Any) -> Standing:
    return Standing(**{"free": 0, "waiting": 0, "bucketless": 0, "refused": None} | changed)


def test_a_pool_has_room_on_its_machines_and_on_those_that_it_may_have() -> None:
    assert room(standing(free=7), Allowed(vcpus=5, buckets=1000), 10, 2) == Room(27)


def test_who_has_paid_and_waits_has_the_first_places() -> None:
    assert room(standing(free=1, waiting=1), Allowed(vcpus=1, buckets=1000), 1, 2) == Room(0, "vcpu-quota")


def test_without_buckets_nothing_can_be_built() -> None:
    assert room(standing(free=9), Allowed(vcpus=8, buckets=0), 1, 2) == Room(0, "bucket-quota")
    assert room(standing(free=9, bucketless=3), Allowed(vcpus=8, buckets=3), 1, 2) == Room(0, "bucket-quota")


def test_where_aws_has_no_machines_only_what_is_there_counts() -> None:
    assert room(standing(free=2, refused="aws-no-capacity"), PLENTY, 10, 2) == Room(2)
    assert room(standing(refused="aws-no-capacity"), PLENTY, 10, 2) == Room(0, "aws-no-capacity")


def test_what_nobody_knows_is_not_denied() -> None:
    found = room(standing(), Allowed(), 10, None)
    assert found == Room(None)
    assert found.can_build


@pytest.mark.parametrize("allowed", [Allowed(vcpus=10), Allowed(buckets=10)])
def test_one_known_limit_is_enough_to_say_no(allowed: Allowed) -> None:
    assert not room(standing(waiting=99, bucketless=99), allowed, 1, 2).can_build


@given(free=NUMBERS, waiting=NUMBERS, vcpus=NUMBERS, buckets=NUMBERS, slots=some.integers(1, 9))
def test_more_is_never_promised_than_there_is(free: int, waiting: int, vcpus: int, buckets: int, slots: int) -> None:
    found = room(standing(free=free, waiting=waiting, bucketless=waiting), Allowed(vcpus, buckets), slots, 2)
    assert found.places is not None
    assert found.places == max(0, min(free + vcpus // 2 * slots - waiting, buckets - waiting))
    assert found.can_build == (found.places > 0)
    assert (found.code is None) == found.can_build

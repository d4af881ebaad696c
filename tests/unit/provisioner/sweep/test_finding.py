"""Whose a thing is, and what may be removed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_contracts.ids import GridId, HostId
from s4_provisioner import names
from s4_provisioner.sweep.finding import (
    BUCKET,
    NAME,
    Finding,
    Thing,
    grid_of_name,
    may_go,
    may_hold_data,
    ownerless,
    thing_of,
)

GRID, HOST = GridId("01900000-0000-7000-8000-00000000000a"), HostId("01900000-0000-7000-8000-00000000000b")
OURS = {"s4:deployment": "shop"}


@given(st.uuids())
def test_a_grids_name_leads_back_to_it(number: object) -> None:
    grid = GridId(str(number))
    assert grid_of_name(names.dns_name(grid, "grids.test"), "grids.test") == grid


@pytest.mark.parametrize("name", ["grids.test", "www.grids.test", "g.grids.test", "g" + "a" * 26 + ".other.test"])
def test_a_name_that_we_never_gave_leads_to_no_grid(name: str) -> None:
    assert grid_of_name(name, "grids.test") is None


@pytest.mark.parametrize(
    ("kind", "id_", "tags", "whose"),
    [
        ("ec2:instance", "i-1", {**OURS, "s4:host": HOST}, (None, HOST)),
        ("instance", "i-1", {**OURS, "s4:host": HOST}, (None, HOST)),
        (BUCKET, f"s4-shop-{GRID}", {**OURS, "s4:grid": GRID}, (GRID, None)),
        (BUCKET, f"s4-shop-{GRID}", {}, (GRID, None)),
        ("iam:role", f"s4-shop-{GRID}", {}, (GRID, None)),
        ("ec2:volume", "vol-1", OURS, (None, None)),
    ],
)
def test_a_things_owner_is_known_by_its_tags_or_its_name(
    kind: str, id_: str, tags: dict[str, str], whose: tuple[str | None, str | None]
) -> None:
    found = thing_of(kind, id_, "here", tags, "shop")
    assert found
    assert (found.grid_id, found.host_id) == whose


@pytest.mark.parametrize(
    ("id_", "tags"),
    [
        (f"s4-shop-two-{GRID}", {}),
        (f"s4-shop-two-{GRID}", {"s4:deployment": "shop-two"}),
        (f"s4-shop-{GRID}", {"s4:deployment": "shop-two"}),
        ("s4-shop-notes", {}),
    ],
)
def test_what_another_deployment_has_is_not_ours(id_: str, tags: dict[str, str]) -> None:
    assert thing_of(BUCKET, id_, "here", tags, "shop") is None


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (Thing(kind=BUCKET, id="b", region="r", grid_id=GRID), False),
        (Thing(kind=BUCKET, id="b", region="r", grid_id=GridId("x")), True),
        (Thing(kind=BUCKET, id="b", region="r"), True),
        (Thing(kind="ec2:instance", id="i", region="r", host_id=HOST), False),
        (Thing(kind="ec2:instance", id="i", region="r", host_id=HostId("x")), True),
        (Thing(kind="ec2:instance", id="i", region="r"), True),
        (Thing(kind="kubernetes:service", id="s", region="r", grid_id=GRID, host_id=HostId("x")), True),
        (Thing(kind="ec2:security-group", id="sg", region="r"), False),
        (Thing(kind="iam:role", id="s4-shop-grids", region="r"), False),
        (Thing(kind="iam:role", id="s4-shop-more", region="r"), True),
    ],
)
def test_a_thing_whose_owner_is_not_there_is_ownerless(thing: Thing, *, expected: bool) -> None:
    assert ownerless(thing, {GRID}, {HOST}, {"s4-shop-grids"}) is expected


def test_only_a_bucket_with_something_in_it_may_hold_data() -> None:
    assert may_hold_data(BUCKET, is_empty=False)
    assert not may_hold_data(BUCKET, is_empty=True)
    assert not may_hold_data("ec2:instance", is_empty=False)


@pytest.mark.parametrize(
    ("kind", "holds_data", "approvals", "is_due", "expected"),
    [
        ("ec2:instance", False, [], False, False),
        ("ec2:instance", False, [], True, True),
        ("ec2:instance", False, ["ada"], False, True),
        (NAME, False, [], True, False),
        (NAME, False, ["ada"], False, True),
        (BUCKET, False, [], True, True),
        (BUCKET, True, [], True, False),
        (BUCKET, True, ["ada"], True, False),
        (BUCKET, True, ["ada", "bea"], False, True),
    ],
)
def test_what_may_be_removed(
    *, kind: str, holds_data: bool, approvals: list[str], is_due: bool, expected: bool
) -> None:
    finding = Finding(what="ownerless", kind=kind, thing="x", region="r", holds_data=holds_data)
    assert may_go(finding, approvals, is_due=is_due) is expected


@pytest.mark.parametrize("what", ["missing", "changed"])
def test_what_has_an_owner_is_never_removed(what: str) -> None:
    finding = Finding(what=what, kind="ec2:instance", thing="x", region="r")  # type: ignore[arg-type]  # one of the two
    assert not may_go(finding, ["ada", "bea"], is_due=True)

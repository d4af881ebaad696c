"""Renewals beside the shares: what is kept, what is spared, and that all leases together count."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from allmydata.interfaces import NoSpace
from allmydata.storage.immutable import ShareFile
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults

from s4_node.s3.errors import ConditionFailed
from s4_node.s3.values import Stat, Store
from s4_node.storage import layout, lease_records
from s4_node.storage.lease_records import AnyLease
from support.disk_shares import immutable, mutable
from support.s3_control import S3Control
from support.slot_grid import INDEX, MONTH, SECRETS, Node, SlotGrid, a_lease, a_slot_grid
from support.spinning import spin


@pytest.fixture
def grid(store: Store, tmp_path: Path) -> Iterator[SlotGrid]:
    with a_slot_grid(store, tmp_path) as grid:
        yield grid


def shares(node: Node) -> dict[int, Stat]:
    found: dict[int, Stat] = spin(node.listings.fresh(INDEX, 0.0))
    return found


def add(node: Node, secret: bytes = b"one", *, expires: float | None = None) -> None:
    lease = a_lease(secret, node.clock.seconds() + MONTH if expires is None else expires)
    spin(node.leases.add(INDEX, lease, shares(node)))


def expiries(node: Node) -> list[float]:
    found: list[AnyLease] = spin(node.leases.effective(INDEX, shares(node)))
    return sorted(lease.get_expiration_time() for lease in found)


def an_immutable(node: Node, folder: Path, number: int = 0, *secrets: bytes, length: int = 10) -> None:
    leases = [a_lease(secret, node.clock.seconds() + MONTH) for secret in secrets or (b"one",)]
    path = immutable(folder, INDEX, number, b"x" * length, *leases)
    node.bucket.put(layout.share(INDEX, number), path.read_bytes())


def test_without_a_share_there_is_no_lease(grid: SlotGrid) -> None:
    node = grid.node()
    add(node)
    assert node.visible() == []
    assert expiries(node) == []


@pytest.mark.parametrize("length", [0, 10, 100_000])
def test_leases_inside_and_beside_an_immutable_share_count_together(
    grid: SlotGrid, tmp_path: Path, length: int
) -> None:
    node = grid.node(within=0)
    an_immutable(node, tmp_path / "disk", 0, b"one", b"two", length=length)
    begun = int(node.clock.seconds())
    assert expiries(node) == [begun + MONTH] * 2
    node.clock.advance(100)
    add(node, b"one")
    add(node, b"three")
    assert expiries(node) == [begun + MONTH, begun + MONTH + 100, begun + MONTH + 100]
    assert len(node.bucket.get(layout.leases(INDEX)).body) == 2 * 72


@pytest.mark.parametrize(("leases", "length"), [(1, 10), (6, 10), (6, 50_000)])
def test_leases_inside_a_mutable_share_count_too(grid: SlotGrid, tmp_path: Path, leases: int, length: int) -> None:
    node = grid.node(within=0)
    inside = [a_lease(bytes([number]), 1000 + number) for number in range(leases)]
    path = mutable(tmp_path / "disk", INDEX, 0, b"x" * length, *inside)
    node.bucket.put(layout.share(INDEX, 0), path.read_bytes())
    add(node, bytes([0]), expires=5000)
    assert expiries(node) == [*(1001 + number for number in range(leases - 1)), 5000]


def test_a_share_of_the_first_version_has_its_lease_renewed_and_not_doubled(grid: SlotGrid, tmp_path: Path) -> None:
    from allmydata.storage.immutable_schema import ALL_SCHEMAS

    node = grid.node(within=0)
    schema = next(schema for schema in ALL_SCHEMAS if schema.version == 1)
    share = ShareFile(str(tmp_path / "v1"), 4, create=True, schema=schema)
    share.write_share_data(0, b"data")
    share.add_lease(a_lease(b"one", 1000))
    node.bucket.put(layout.share(INDEX, 0), (tmp_path / "v1").read_bytes())
    add(node, b"one", expires=2000)
    assert expiries(node) == [2000]


def test_the_lease_object_is_readable_as_the_end_of_a_share_file(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node(within=0)
    an_immutable(node, tmp_path / "disk")
    add(node, b"two")
    body = node.bucket.get(layout.share(INDEX, 0)).body + node.bucket.get(layout.leases(INDEX)).body
    (tmp_path / "joined").write_bytes(body[:8] + (2).to_bytes(4, "big") + body[12:])
    assert [lease.is_renew_secret(b"two".ljust(32)) for lease in ShareFile(str(tmp_path / "joined")).get_leases()] == [
        False,
        True,
    ]


def test_no_secret_is_kept_in_the_clear(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node(within=0)
    an_immutable(node, tmp_path / "disk")
    add(node, b"two")
    assert b"two" not in node.bucket.get(layout.leases(INDEX)).body


def test_a_renewal_soon_after_the_share_was_written_costs_no_put(
    grid: SlotGrid, tmp_path: Path, s3_control: S3Control
) -> None:
    node = grid.node()
    an_immutable(node, tmp_path / "disk")
    found = shares(node)
    s3_control.clear_counts()
    lease = a_lease(b"one", node.clock.seconds() + MONTH + 3600)
    spin(node.leases.add(INDEX, lease, found))
    assert s3_control.counts() == {"GetObject": 2}
    spin(node.leases.add(INDEX, lease, found))
    assert s3_control.counts() == {"GetObject": 2}
    assert layout.leases(INDEX) not in node.visible()


def test_another_clients_lease_is_kept_however_young_the_share_is(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node()
    an_immutable(node, tmp_path / "disk")
    add(node, b"two")
    assert len(expiries(node)) == 2


def test_a_lease_that_only_one_of_two_shares_has_is_kept(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node()
    an_immutable(node, tmp_path / "disk", 0, b"one")
    an_immutable(node, tmp_path / "disk", 1, b"two")
    add(node, b"one")
    assert layout.leases(INDEX) in node.visible()


def test_renewals_of_one_day_cost_one_put(grid: SlotGrid, tmp_path: Path, s3_control: S3Control) -> None:
    node = grid.node()
    an_immutable(node, tmp_path / "disk")
    old = {number: replace(stat, modified=stat.modified - timedelta(days=20)) for number, stat in shares(node).items()}
    s3_control.clear_counts()
    for hour in (480, 490, 500):
        spin(node.leases.add(INDEX, a_lease(b"one", node.clock.seconds() + MONTH + hour * 3600), old))
    assert s3_control.counts() == {"GetObject": 1, "PutObject": 1}
    spin(node.leases.add(INDEX, a_lease(b"one", node.clock.seconds() + MONTH + 505 * 3600), old))
    assert s3_control.counts() == {"GetObject": 1, "PutObject": 2}


def test_a_lease_never_becomes_shorter(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node(within=0)
    an_immutable(node, tmp_path / "disk")
    add(node, b"one", expires=3_000_000_000)
    add(node, b"one", expires=2_900_000_000)
    assert expiries(node) == [3_000_000_000]


def test_two_nodes_lose_no_lease_of_each_other(grid: SlotGrid, tmp_path: Path) -> None:
    nodes = [grid.node(within=0) for _ in range(2)]
    an_immutable(nodes[0], tmp_path / "disk")
    found = shares(nodes[0])
    leases = [a_lease(bytes([number]), 2_000_000_000 + number) for number in range(8)]
    spin(
        gatherResults(
            [Deferred.fromCoroutine(nodes[n % 2].leases.add(INDEX, one, found)) for n, one in enumerate(leases)]
        )
    )
    assert len(expiries(nodes[0])) == 9


def test_a_lease_object_that_changes_without_end_is_an_error(
    grid: SlotGrid, tmp_path: Path, s3_control: S3Control
) -> None:
    node = grid.node(within=0)
    an_immutable(node, tmp_path / "disk")
    s3_control.fail("error", "PutObject", times=None, status=412, code="PreconditionFailed")
    with pytest.raises(ConditionFailed):
        add(node, b"two")
    s3_control.clear_faults()
    add(node, b"two")
    assert len(expiries(node)) == 2


def test_own_renewals_are_counted_exactly(grid: SlotGrid, tmp_path: Path) -> None:
    node = grid.node(within=0)
    spin(node.usage.count())
    node.write(b"content")
    for secret in (b"two", b"three", b"two"):
        node.clock.advance(5)
        add(node, secret)
    own = node.usage.kinds
    spin(node.usage.count())
    assert node.usage.kinds == own
    assert own["leases"].bytes == 2 * 72
    node.delete(0)
    assert node.usage.total.objects == 0
    assert node.visible() == [layout.USAGE]


def test_a_damaged_share_does_not_hinder_a_renewal(grid: SlotGrid) -> None:
    node = grid.node()
    node.bucket.put(layout.share(INDEX, 0), b"no share at all")
    add(node)
    assert layout.leases(INDEX) in node.visible()


def test_a_mutable_share_has_the_lease_of_its_writer_and_a_renewal_of_it_is_one_lease(grid: SlotGrid) -> None:
    node = grid.node(within=0)
    node.write(b"content")
    node.clock.advance(60)
    lease = replace_secrets(a_lease(b"x", node.clock.seconds() + MONTH))
    spin(node.leases.add(INDEX, lease, shares(node)))
    assert node.expiries() == [int(node.clock.seconds()) + MONTH]


def replace_secrets(lease: AnyLease) -> AnyLease:
    import attr

    return attr.assoc(lease, renew_secret=SECRETS[1], cancel_secret=SECRETS[2])


leases = st.builds(a_lease, st.sampled_from([b"a", b"b", b"c"]), st.integers(1, 2**32 - 1))


@settings(deadline=None)
@given(st.lists(leases, max_size=8))
def test_the_union_has_each_secret_once_with_its_latest_expiry(found: list[AnyLease]) -> None:
    union = lease_records.union(found[:3], found[3:])
    expected: dict[bytes, float] = {}
    for lease in found:
        secret = lease.renew_secret
        expected[secret] = max(expected.get(secret, 0), lease.get_expiration_time())
    assert sorted(lease.get_expiration_time() for lease in union) == sorted(expected.values())
    assert lease_records.union(lease_records.parse(lease_records.text(union)).values(), found) == [
        *lease_records.parse(lease_records.text(union)).values()
    ]


def test_too_many_leases_push_out_expired_ones_and_then_are_refused() -> None:
    kept: dict[bytes, AnyLease] = {}
    for number in range(3):
        kept = lease_records.with_lease(kept, a_lease(bytes([number]), 100 + number), 0, 3)
    kept = lease_records.with_lease(kept, a_lease(b"new", 500), 101, 3)
    assert sorted(lease.get_expiration_time() for lease in kept.values()) == [102, 500]
    kept = lease_records.with_lease(kept, a_lease(b"newer", 500), 101, 3)
    with pytest.raises(NoSpace):
        lease_records.with_lease(kept, a_lease(b"newest", 500), 101, 3)
    assert len(lease_records.with_lease(kept, a_lease(b"newer", 900), 101, 3)) == 3


def test_a_record_cut_short_is_left_out() -> None:
    body = lease_records.text([a_lease(b"a", 1), a_lease(b"b", 2)])
    assert [lease.get_expiration_time() for lease in lease_records.parse(body[:-1]).values()] == [1]

"""The sweep: what has expired by the operator's rules goes, and nothing else ever."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s4_node.s3.errors import Forbidden
from s4_node.storage import layout
from s4_node.storage.expiry import Expiry, ExpiryRules, Kind, Report, rules
from s4_node.storage.tally import Amount
from support.aged_objects import AgedObjects
from support.disk_shares import immutable, mutable
from support.s3_control import S3Control
from support.slot_grid import MONTH, Node, SlotGrid, a_lease
from support.spinning import spin, until

DAY = 86400
A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
AFTER_31_DAYS = rules(enabled=True)


@pytest.fixture
def objects(grid: SlotGrid, node: Node) -> AgedObjects:
    return AgedObjects(node.bucket, grid.workers.lane("aged", 4))


def expiry(node: Node, objects: AgedObjects, rules: ExpiryRules = AFTER_31_DAYS) -> Expiry:
    return Expiry(objects, node.listings, node.leases, node.usage, rules=rules, clock=node.clock)


def put(node: Node, objects: AgedObjects, folder: Path, index: bytes, *, days: float, number: int = 0) -> str:
    """An immutable share that was written so many days ago."""
    key = layout.share(index, number)
    node.bucket.put(key, immutable(folder, index, number, b"x" * 100).read_bytes())
    objects.written[key] = node.clock.seconds() - days * DAY
    return key


def renew(node: Node, objects: AgedObjects, index: bytes, *, days: float) -> str:
    """Its lease was renewed so many days ago."""
    key = layout.leases(index)
    node.bucket.put(key, b"l" * 72)
    objects.written[key] = node.clock.seconds() - days * DAY
    return key


def test_what_was_neither_written_nor_renewed_for_long_is_deleted(
    node: Node, objects: AgedObjects, tmp_path: Path
) -> None:
    put(node, objects, tmp_path, A, days=40)
    renew(node, objects, A, days=35)
    renewed = [put(node, objects, tmp_path, B, days=400), renew(node, objects, B, days=20)]
    young = put(node, objects, tmp_path, C, days=10)
    spin(node.usage.count())
    report: Report = spin(expiry(node, objects).sweep())
    assert node.visible() == sorted([*renewed, layout.USAGE, young])
    size = 12 + 100 + 72
    assert (report.examined, report.expired, report.deleted) == (Amount(3, 3 * size), Amount(1, size), Amount(1, size))
    assert node.usage.kinds["shares"] == Amount(2, 2 * size)
    assert node.usage.kinds["leases"] == Amount(1, 72)


def test_a_share_goes_and_its_younger_neighbour_stays_with_their_leases(
    node: Node, objects: AgedObjects, tmp_path: Path
) -> None:
    put(node, objects, tmp_path, A, days=50, number=0)
    kept = [put(node, objects, tmp_path, A, days=5, number=10), renew(node, objects, A, days=40)]
    spin(expiry(node, objects).sweep())
    assert node.visible() == sorted(kept)


def test_a_renewal_that_was_spared_is_made_up_for(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    """Within a day no renewal is written, so the lease may be a day younger than its object."""
    put(node, objects, tmp_path, A, days=31.5)
    assert spin(expiry(node, objects).sweep()).deleted.objects == 0
    objects.written[layout.share(A, 0)] -= DAY
    assert spin(expiry(node, objects).sweep()).deleted.objects == 1


def test_by_default_nothing_is_deleted_and_nothing_is_asked(
    node: Node, objects: AgedObjects, tmp_path: Path, s3_control: S3Control
) -> None:
    key = put(node, objects, tmp_path, A, days=1000)
    sweeping = expiry(node, objects, rules(enabled=False))
    s3_control.clear_counts()
    sweeping.start()
    node.clock.advance(30 * DAY)
    assert s3_control.counts() == {}
    report: Report = spin(sweeping.sweep())
    assert (report.expired.objects, report.deleted.objects) == (1, 0)
    assert node.visible() == [key]


def test_a_dry_run_tells_and_deletes_nothing(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    key = put(node, objects, tmp_path, A, days=1000)
    report: Report = spin(expiry(node, objects).sweep(dry_run=True))
    assert (report.expired.objects, report.deleted.objects, report.kept) == (1, 0, 0)
    assert node.visible() == [key]


@pytest.mark.parametrize(("kind", "left"), [("immutable", [A]), ("mutable", [B])])
def test_only_shares_of_the_kinds_that_expire_do(
    node: Node, objects: AgedObjects, tmp_path: Path, kind: str, left: list[bytes]
) -> None:
    node.bucket.put(layout.share(A, 0), mutable(tmp_path, A, 0, b"x").read_bytes())
    objects.written[layout.share(A, 0)] = 0
    put(node, objects, tmp_path, B, days=100)
    report: Report = spin(expiry(node, objects, rules(enabled=True, sharetypes=(kind,))).sweep())
    assert node.visible() == [layout.share(index, 0) for index in left]
    assert (report.expired.objects, report.deleted.objects, report.kept) == (1, 1, 1)


def test_a_share_written_again_after_the_listing_stays(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    key = put(node, objects, tmp_path, A, days=100)
    sweeping = expiry(node, objects)
    listed = objects.list_page

    def and_then_written(prefix: str, after: str = "", limit: int = 1000) -> object:
        def write(page: object) -> object:
            node.bucket.put(key, b"newer")
            return page

        return listed(prefix, after, limit).addCallback(write)

    objects.list_page = and_then_written  # type: ignore[method-assign]  # somebody acts between two requests
    report: Report = spin(sweeping.sweep())
    assert node.bucket.get(key).body == b"newer"
    assert (report.deleted.objects, report.kept) == (0, 1)


def test_a_lease_renewed_after_the_listing_keeps_the_shares(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    key = put(node, objects, tmp_path, A, days=100)
    sweeping = expiry(node, objects)
    listed = objects.list_page

    def and_then_renewed(prefix: str, after: str = "", limit: int = 1000) -> object:
        def write(page: object) -> object:
            node.bucket.put(layout.leases(A), b"r" * 72)
            return page

        return listed(prefix, after, limit).addCallback(write)

    objects.list_page = and_then_renewed  # type: ignore[method-assign]  # somebody acts between two requests
    put(node, objects, tmp_path, B, days=1)
    report: Report = spin(sweeping.sweep())
    assert key in node.visible()
    assert report.deleted.objects == 0


def test_both_listings_are_followed_page_by_page(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    objects.page = 3
    kept = []
    for number in range(10):
        index = bytes([number * 25]) * 16
        put(node, objects, tmp_path, index, days=100, number=0)
        put(node, objects, tmp_path, index, days=100, number=11)
        if number % 3 == 0:
            kept += [layout.share(index, 0), layout.share(index, 11), renew(node, objects, index, days=1)]
    renew(node, objects, b"\xff" * 16, days=100)  # of no share at all
    report: Report = spin(expiry(node, objects).sweep())
    assert node.visible() == sorted([*kept, layout.leases(b"\xff" * 16)])
    assert (report.examined.objects, report.deleted.objects) == (20, 12)


def test_a_thousand_shares_cost_two_listings(
    node: Node, objects: AgedObjects, tmp_path: Path, s3_control: S3Control
) -> None:
    for number in range(5):
        put(node, objects, tmp_path, bytes([number]) * 16, days=3)
        renew(node, objects, bytes([number]) * 16, days=1)
    s3_control.clear_counts()
    spin(expiry(node, objects).sweep())
    assert s3_control.counts() == {"ListObjectsV2": 2}


def test_a_share_that_is_gone_is_not_listed_to_clients(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    put(node, objects, tmp_path, A, days=100)
    assert spin(node.listings.of(A))
    spin(expiry(node, objects).sweep())
    assert spin(node.listings.of(A)) == {}


def test_a_share_that_is_gone_is_not_listed_to_clients_when_its_neighbour_cannot_be_deleted(
    node: Node, objects: AgedObjects, tmp_path: Path, s3_control: S3Control
) -> None:
    put(node, objects, tmp_path, A, days=50, number=0)
    stays = put(node, objects, tmp_path, A, days=50, number=1)
    assert spin(node.listings.of(A)).keys() == {0, 1}
    s3_control.fail("access_denied", "DeleteObject", key=f"grid/{stays}")
    with pytest.raises(Forbidden):
        spin(expiry(node, objects).sweep())
    assert node.visible() == [stays]
    assert spin(node.listings.of(A)).keys() == {1}


def test_sweeping_goes_on_after_s3_has_failed(
    node: Node, objects: AgedObjects, tmp_path: Path, s3_control: S3Control
) -> None:
    put(node, objects, tmp_path, A, days=100)
    sweeping = expiry(node, objects)
    s3_control.fail("slow_down", "ListObjectsV2", times=None)
    sweeping.start()
    node.clock.advance(3600)
    until(lambda: sweeping.rounds.failures == 1)
    s3_control.clear_faults()
    node.clock.advance(60)
    until(lambda: sweeping.rounds.succeeded_at is not None)
    assert node.visible() == []
    assert sweeping.last is not None
    put(node, objects, tmp_path, B, days=100)
    node.clock.advance(14 * 3600)
    until(lambda: sweeping.last is not None and node.visible() == [])
    spin(sweeping.stop())
    assert node.clock.getDelayedCalls() == []


moments = st.floats(0, 10 * MONTH)


@settings(deadline=None)
@given(moments, moments, st.floats(0, 2 * DAY))
def test_nothing_expires_before_its_age_or_after_the_cutoff(leased_at: float, later: float, slack: float) -> None:
    now = leased_at + later
    if AFTER_31_DAYS.has_expired(leased_at, now, slack):
        assert later > MONTH
    by_cutoff = rules(enabled=True, mode="cutoff-date", cutoff_date=int(now))
    if by_cutoff.has_expired(leased_at, now, slack):
        assert leased_at < int(now) - slack + 1
    assert not by_cutoff.has_expired(now, now, slack)


def test_the_rules_are_those_of_the_disk_backends_settings() -> None:
    assert rules(enabled=True, override_lease_duration=99).age == 99
    assert rules(enabled=True).age == MONTH
    assert rules(enabled=True, mode="cutoff-date", cutoff_date=5).cutoff == 5
    assert rules(enabled=True, sharetypes=("mutable",)).kinds == {Kind.MUTABLE}
    assert not rules(enabled=False).is_enabled
    for mode, cutoff in (("cutoff-date", None), ("never", 5)):
        with pytest.raises(ValueError, match="GC mode"):
            rules(enabled=True, mode=mode, cutoff_date=cutoff)
    with pytest.raises(ValueError, match="other"):
        rules(enabled=True, sharetypes=("other",))


def test_a_lease_made_by_a_client_keeps_its_file_for_a_month(node: Node, objects: AgedObjects, tmp_path: Path) -> None:
    put(node, objects, tmp_path, A, days=100)
    spin(node.leases.add(A, a_lease(b"r", node.clock.seconds() + MONTH), spin(node.listings.fresh(A, 0.0))))
    assert spin(expiry(node, objects).sweep()).expired.objects == 0

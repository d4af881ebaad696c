"""The bytes of an immutable share: the disk backend's."""

import struct
from pathlib import Path

import pytest
from allmydata.storage.common import UnknownImmutableContainerVersionError
from allmydata.storage.immutable import ShareFile
from allmydata.storage.immutable_schema import schema_from_version
from allmydata.storage.lease import LeaseInfo
from hypothesis import given
from hypothesis import strategies as st

from s4_node.storage import container


def a_lease(renew: bytes = b"r" * 32, cancel: bytes = b"c" * 32, expires: int = 1_800_000_000) -> LeaseInfo:
    return LeaseInfo(0, renew, cancel, expires, b"n" * 20)


def share_file(path: Path, data: bytes, *leases: LeaseInfo, version: int = 2) -> bytes:
    """What the disk backend writes."""
    file = ShareFile(str(path), max_size=len(data), create=True, schema=schema_from_version(version))
    for lease in leases:
        file.add_lease(lease)
    file.write_share_data(0, data)
    return path.read_bytes()


@pytest.mark.parametrize("data", [b"", b"x", b"some data" * 1000])
def test_a_new_share_is_byte_for_byte_the_disk_backends(tmp_path: Path, data: bytes) -> None:
    lease = a_lease()
    ours = container.header(len(data)) + data + container.lease_record(lease)
    assert ours == share_file(tmp_path / "0", data, lease)
    assert len(ours) == container.size(len(data))


@pytest.mark.parametrize("length", [0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**40])
def test_the_header_tells_the_length_as_far_as_it_can(length: int) -> None:
    schema = schema_from_version(2)
    version, stated, leases = struct.unpack(">LLL", container.header(length))
    assert (version, stated) == struct.unpack(">LL", schema.header(length)[:8])
    assert leases == 1


def test_a_lease_holds_no_secret_that_could_be_used() -> None:
    lease = a_lease(renew=b"renewal" * 4 + b"!!!!", cancel=b"cancels" * 4 + b"!!!!")
    record = container.lease_record(lease)
    assert len(record) == container.LEASE_BYTES
    assert b"renewal" not in record
    assert b"cancels" not in record


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_share_of_the_disk_backend_is_understood(tmp_path: Path, version: int, count: int) -> None:
    given_leases = [a_lease(renew=bytes([n]) * 32, expires=1_800_000_000 + n) for n in range(count)]
    share = share_file(tmp_path / "0", b"data" * 100, *given_leases, version=version)
    found = container.parse("a share", share[:12], len(share))
    assert (found.version, found.data_bytes, found.leases) == (version, 400, count)
    assert share[container.HEADER_BYTES : found.lease_offset] == b"data" * 100
    leases = container.leases(found, share[found.lease_offset :])
    assert [lease.get_expiration_time() for lease in leases] == [1_800_000_000 + n for n in range(count)]
    assert all(lease.is_renew_secret(bytes([n]) * 32) for n, lease in enumerate(leases))


def test_a_share_with_its_lease_has_nothing_to_complain_of(tmp_path: Path) -> None:
    share = share_file(tmp_path / "0", b"data", a_lease())
    assert container.parse("a share", share, len(share)).problems == []


def test_a_length_of_very_old_software_is_no_problem() -> None:
    modulo = struct.pack(">LLL", 1, 5, 1)
    assert container.parse("a share", modulo, container.size(2**32 + 5)).problems == []


@given(st.integers(min_value=1, max_value=300))
def test_a_share_that_was_cut_is_noticed(lost: int) -> None:
    data = b"data" * 50
    share = container.header(len(data)) + data + container.lease_record(a_lease())
    cut = share[: max(0, len(share) - lost)]
    try:
        found = container.parse("a share", cut[:12], len(cut))
    except container.BadContainer:
        return
    assert found.problems


def test_a_share_without_a_lease_is_noticed(tmp_path: Path) -> None:
    share = share_file(tmp_path / "0", b"data")
    assert container.parse("a share", share, len(share)).problems == ["there is no lease"]


def test_a_share_too_short_for_its_header_is_refused_by_name() -> None:
    with pytest.raises(container.BadContainer, match="shares/aa/aa/0: it has 5 bytes, a header has 12"):
        container.parse("shares/aa/aa/0", b"\0\0\0\2\0", 5)


def test_more_leases_than_fit_are_refused() -> None:
    with pytest.raises(container.BadContainer, match="3 leases do not fit into 100 bytes"):
        container.parse("a share", struct.pack(">LLL", 2, 4, 3), 100)


@pytest.mark.parametrize("start", [b"Tahoe mutable container v2\n", struct.pack(">LLL", 3, 0, 0), b"\0" * 12])
def test_what_is_no_immutable_share_is_refused_as_the_disk_backend_refuses_it(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "0"
    path.write_bytes(start + bytes(100))
    with pytest.raises(UnknownImmutableContainerVersionError):
        ShareFile(str(path))
    with pytest.raises(UnknownImmutableContainerVersionError):
        container.parse("a share", start, len(start) + 100)


def test_a_lease_that_is_cut_short_is_left_out(tmp_path: Path) -> None:
    share = share_file(tmp_path / "0", b"data", a_lease(), a_lease(renew=b"s" * 32))
    found = container.parse("a share", share, len(share))
    assert len(container.leases(found, share[found.lease_offset : -1])) == 1

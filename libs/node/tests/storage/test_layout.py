"""Keys: the disk backend's paths, and back."""

import pytest
from allmydata.storage.common import si_b2a, storage_index_to_dir
from hypothesis import given
from hypothesis import strategies as st

from s4_node.storage import layout

INDEXES = st.binary(min_size=16, max_size=16)


@given(INDEXES, st.integers(min_value=0, max_value=2**16))
def test_a_share_is_where_the_disk_backend_would_have_put_it(storage_index: bytes, number: int) -> None:
    path = f"shares/{storage_index_to_dir(storage_index)}/{number}"
    assert layout.share(storage_index, number) == path
    assert layout.shares_of(storage_index) == path.rpartition("/")[0] + "/"


@given(INDEXES, st.integers(min_value=0, max_value=2**16))
def test_a_key_says_which_share_it_is(storage_index: bytes, number: int) -> None:
    assert layout.share_name(layout.share(storage_index, number)) == (storage_index, number)
    assert layout.leases_name(layout.leases(storage_index)) == storage_index


@given(INDEXES)
def test_shares_leases_and_advisories_sort_alike_and_never_meet(storage_index: bytes) -> None:
    name = si_b2a(storage_index).decode()
    leases = layout.leases(storage_index)
    assert leases == f"leases/{name[:2]}/{name}"
    assert layout.share_name(leases) is None
    assert layout.advisory("2026-01-01T00:00:00Z", storage_index, 3) == (
        f"corruption-advisories/2026-01-01T00:00:00Z--{name}-3"
    )


@pytest.mark.parametrize(
    "key",
    [
        "shares/aa/bbbbbbbbbbbbbbbbbbbbbbbbbb/0",  # in another's folder
        "shares/aa/aaaaaaaaaaaaaaaaaaaaaaaaaa/01",
        "shares/aa/aaaaaaaaaaaaaaaaaaaaaaaaaa/",
        "shares/aa/aaaaaaaaaaaaaaaaaaaaaaaaaa/0/1",
        "shares/aa/AAAAAAAAAAAAAAAAAAAAAAAAAA/0",
        "shares/aa/aaaaaaaaaaaaaaaaaaaaaaaaab/0",  # no 16 bytes are written so
        "leases/aa/aaaaaaaaaaaaaaaaaaaaaaaaaz",
        "shares/incoming/aa/0",
        "s4-probe",
        "",
    ],
)
def test_what_is_no_share_is_not_taken_for_one(key: str) -> None:
    assert layout.share_name(key) is None
    assert layout.leases_name(key) is None

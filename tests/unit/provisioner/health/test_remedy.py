from itertools import product

import pytest

from s4_provisioner.drivers.contract import GridReport
from s4_provisioner.health.remedy import LeaveToHost, Lend, Move, NoRemedy, Signs, TellAnew, remedy

TWICE = 2
CODES = [
    *(None, "credentials-expired", "credentials-refused", "credentials-missing", "access-denied", "bucket-missing"),
    *("clock-skewed", "wrong-region", "unreachable", "unavailable", "some-other"),
]


def told(code: str | None) -> GridReport:
    return GridReport(state="running", is_listening=True, bucket_code=code)


def signs(
    *,
    probe: str = "probe-no-storage-server",
    bad: bool = False,
    code: str | None = None,
    absent: bool = False,
    mends: int = 0,
) -> Signs:
    return Signs(probe_code=probe, host_is_bad=bad, told=None if absent else told(code), mends=mends)


def test_all_signs_decide_and_a_node_is_started_only_for_what_that_can_mend() -> None:
    for probe, bad, code, absent, mends in product(
        ("probe-timeout", "probe-mismatch", "machine-gone"), (False, True), CODES, (False, True), range(5)
    ):
        chosen = remedy(signs(probe=probe, bad=bad, code=code, absent=absent, mends=mends), TWICE)
        assert isinstance(chosen, LeaveToHost | Lend | NoRemedy | TellAnew | Move)
        if isinstance(chosen, TellAnew | Move):
            assert not bad
            assert probe != "probe-mismatch"
            assert absent or code is None
            assert mends <= TWICE


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (signs(), TellAnew()),
        (signs(absent=True), TellAnew()),
        (signs(mends=1), TellAnew()),
        (signs(mends=2), Move()),
        (signs(mends=3), NoRemedy("mended-in-vain")),
        (signs(bad=True, mends=0), LeaveToHost()),
        (signs(bad=True, code="credentials-expired"), LeaveToHost()),
        (signs(code="credentials-expired", mends=9), Lend("credentials-expired")),
        (signs(code="credentials-refused"), Lend("credentials-refused")),
        (signs(code="credentials-missing"), Lend("credentials-missing")),
        (signs(code="unreachable"), NoRemedy("unreachable")),
        (signs(probe="probe-mismatch"), NoRemedy("probe-mismatch")),
    ],
)
def test_what_helps(found: Signs, expected: object) -> None:
    assert remedy(found, TWICE) == expected

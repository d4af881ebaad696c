"""Webhook signatures: ours agrees with Stripe's own, and no header or body makes it do anything but refuse."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from s4_runtime import Secret
from s4_stripe.signature import Forged, verify

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BODY = '{"id": "evt_1", "name": "Zoë"}'
SECRET = "whsec_first"


def signed(body: str = BODY, *, secret: str = SECRET, at: datetime = NOW) -> str:
    """A header as Stripe's own library makes it."""
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, int(at.timestamp()))
    return header


def check(header: str, body: bytes = BODY.encode(), secrets: tuple[str, ...] = (SECRET,), now: datetime = NOW) -> None:
    verify(body, header, [Secret(each) for each in secrets], now)


def refusal(header: str, body: bytes = BODY.encode(), secrets: tuple[str, ...] = (SECRET,)) -> str:
    with pytest.raises(Forged) as refused:
        check(header, body, secrets)
    return refused.value.code


def test_what_stripes_library_signs_is_accepted() -> None:
    check(signed())


def test_while_secrets_rotate_either_is_accepted() -> None:
    check(signed(secret="whsec_old"), secrets=("whsec_new", "whsec_old"))
    check(signed(secret="whsec_new"), secrets=("whsec_new", "whsec_old"))


def test_one_fitting_signature_among_several_is_enough() -> None:
    time, right = signed().split(",")
    check(f"{time},v1={'0' * 64},{right},v0=abc")


def test_a_changed_body_is_refused() -> None:
    assert refusal(signed(), BODY.replace("evt_1", "evt_2").encode()) == "signature-wrong"


def test_another_secret_is_refused() -> None:
    assert refusal(signed(secret="whsec_other")) == "signature-wrong"


@pytest.mark.parametrize("seconds", [-301, 301, 86400, -86400])
def test_a_time_too_far_from_now_is_refused_in_both_directions(seconds: int) -> None:
    assert refusal(signed(at=NOW + timedelta(seconds=seconds))) == "signature-stale"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_time_within_the_tolerance_is_accepted(seconds: int) -> None:
    check(signed(at=NOW + timedelta(seconds=seconds)))


def test_changing_the_time_in_the_header_breaks_the_signature() -> None:
    moved = signed().replace(str(int(NOW.timestamp())), str(int(NOW.timestamp()) + 10))
    assert refusal(moved) == "signature-wrong"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        "t=1",
        "v1=abc",
        "t=abc,v1=abc",
        "t=-5,v1=abc",
        "t=1,t=2,v1=abc",
        "t=99999999999999999999,v1=abc",
        "t=1,v1=ü",
        "t=²,v1=abc",
        "nonsense",
        ",,,,",
        "t=1," + ",".join(["v1=" + "a" * 64] * 20_000),
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    assert refusal(header) == "signature-malformed"


def test_only_the_current_scheme_counts() -> None:
    time, right = signed().split(",")
    assert refusal(f"{time},{right.replace('v1', 'v0')}") == "signature-malformed"


def test_without_a_secret_nothing_is_accepted() -> None:
    assert refusal(signed(), secrets=()) == "signature-wrong"


@given(st.binary(max_size=64), st.text(max_size=80))
def test_any_header_and_body_are_refused_and_nothing_else(body: bytes, header: str) -> None:
    with pytest.raises(Forged):
        check(header, body)


@given(st.text(max_size=200), st.text(min_size=1, max_size=40).filter(str.strip))
def test_ours_accepts_what_theirs_signs(body: str, secret: str) -> None:
    check(signed(body, secret=secret), body.encode(), (secret,))

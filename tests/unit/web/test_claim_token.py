"""The letter's link, read without a server around it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_runtime import Permanent, new_id
from s4_runtime.testing import ManualClock
from s4_web.claim_token import ClaimVerifier

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def a_token(key: Any = KEY, algorithm: str = "EdDSA", **changed: Any) -> str:
    said: dict[str, Any] = {
        "iss": "s4-notifier",
        "aud": "s4-web",
        "sub": new_id(),
        "jti": new_id(),
        "grid": new_id(),
        "ref": "g:1",
    }
    said |= {"iat": NOW.timestamp(), "exp": (NOW + timedelta(days=7)).timestamp()}
    return jwt.encode({**said, **changed}, key, algorithm=algorithm)


@pytest.fixture
def verifier() -> ClaimVerifier:
    return ClaimVerifier(pem(KEY), ManualClock(NOW))


def test_a_genuine_token_is_read(verifier: ClaimVerifier) -> None:
    letter_id = new_id()
    claim = verifier.read(a_token(jti=letter_id))
    assert claim is not None
    assert (claim.letter_id, claim.claim_ref, claim.is_expired) == (letter_id, "g:1", False)


async def test_the_given_clock_decides_when_it_has_expired() -> None:
    clock = ManualClock(NOW)
    verifier, token = ClaimVerifier(pem(KEY), clock), a_token()
    await clock.advance(timedelta(days=7) - timedelta(seconds=1))
    still_good = verifier.read(token)
    await clock.advance(timedelta(seconds=1))
    expired = verifier.read(token)
    assert still_good is not None
    assert expired is not None
    assert (still_good.is_expired, expired.is_expired) == (False, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "s4-billing"},
        {"aud": ["s4-web-2"]},
        {"iss": "someone"},
        {"sub": "not-an-id"},
        {"jti": 7},
        {"grid": None},
        {"ref": {}},
        {"exp": "soon"},
        {"exp": None},
        {"iat": None},
    ],
)
def test_a_claim_that_is_not_as_agreed_makes_the_token_none(verifier: ClaimVerifier, changed: dict[str, Any]) -> None:
    said = {name: value for name, value in changed.items() if value is not None}
    token = a_token(**said)
    for name in set(changed) - set(said):
        body = jwt.decode(a_token(), options={"verify_signature": False})
        del body[name]
        token = jwt.encode(body, KEY, algorithm="EdDSA")
    assert verifier.read(token) is None


@pytest.mark.parametrize("token", ["", "a.b.c", "…", "A" * 5000, "\x00"])
def test_nonsense_is_no_token(verifier: ClaimVerifier, token: str) -> None:
    assert verifier.read(token) is None


def test_only_the_notifiers_key_and_algorithm_count(verifier: ClaimVerifier) -> None:
    assert verifier.read(a_token(Ed25519PrivateKey.generate())) is None
    assert verifier.read(a_token(generate_private_key(SECP256R1()), "ES256")) is None
    assert verifier.read(a_token("a shared secret that is long enough!", "HS256")) is None
    assert verifier.read(a_token(None, "none")) is None


def test_a_key_of_another_kind_stops_the_start() -> None:
    with pytest.raises(Permanent, match="claim-public-key-not-ed25519"):
        ClaimVerifier(pem(generate_private_key(SECP256R1())), ManualClock(NOW))
    with pytest.raises(Permanent, match="claim-public-key-unusable"):
        ClaimVerifier("-----BEGIN NOTHING-----", ManualClock(NOW))

import asyncio
import base64
import hashlib
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from s4_provisioner.identity import Identity, Tub, mint, pack, unpack


def from_base32(text: str) -> bytes:
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))


@pytest.fixture(scope="module")
def minted() -> Identity:
    return asyncio.run(mint())


@pytest.fixture(params=["introducer", "storage"])
def tub(minted: Identity, request: pytest.FixtureRequest) -> Tub:
    found: Tub = getattr(minted, request.param)
    return found


def test_a_tubs_pem_is_a_certificate_and_its_own_rsa_2048_key(tub: Tub) -> None:
    certificate = x509.load_pem_x509_certificate(tub.pem.encode())
    key = load_pem_private_key(tub.pem[tub.pem.index("-----BEGIN PRIVATE KEY") :].encode(), password=None)

    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    assert key.public_key().public_numbers().e == 65537
    assert certificate.public_key() == key.public_key()


def test_a_tubs_certificate_is_signed_by_itself_and_does_not_end_in_our_time(tub: Tub) -> None:
    certificate = x509.load_pem_x509_certificate(tub.pem.encode())

    certificate.verify_directly_issued_by(certificate)
    assert isinstance(certificate.signature_hash_algorithm, SHA256)
    assert isinstance(certificate.public_key(), RSAPublicKey)
    assert certificate.not_valid_after_utc.year >= 2070


def test_a_tub_id_is_the_base32_of_the_sha1_of_the_certificate(tub: Tub) -> None:
    der = x509.load_pem_x509_certificate(tub.pem.encode()).public_bytes(Encoding.DER)

    assert re.fullmatch("[a-z2-7]{32}", tub.tub_id)
    assert from_base32(tub.tub_id) == hashlib.sha1(der, usedforsecurity=False).digest()


def test_a_secret_name_has_160_bits(tub: Tub) -> None:
    assert re.fullmatch("[a-z2-7]{32}", tub.swissnum)
    assert len(from_base32(tub.swissnum)) == 20


def test_the_announcement_key_is_an_ed25519_key_as_tahoe_writes_it(minted: Identity) -> None:
    prefix, _, text = minted.announcement_key.rpartition("-")

    assert prefix == "priv-v0"
    assert Ed25519PrivateKey.from_private_bytes(from_base32(text)).private_bytes_raw() == from_base32(text)


async def test_no_two_nodes_share_a_key_a_name_or_an_id(minted: Identity) -> None:
    other = await mint()
    tubs = [minted.introducer, minted.storage, other.introducer, other.storage]

    assert len({tub.pem for tub in tubs}) == 4
    assert len({tub.tub_id for tub in tubs}) == 4
    assert len({tub.swissnum for tub in tubs}) == 4
    assert minted.announcement_key != other.announcement_key


def test_an_identity_comes_back_whole_from_its_bytes_which_stay_small(minted: Identity) -> None:
    assert unpack(pack(minted)) == minted
    assert len(pack(minted)) < 6144


def test_an_identity_shows_nothing_of_itself(minted: Identity) -> None:
    for shown in (repr(minted), str(minted), f"{minted.introducer}", repr([minted.storage])):
        assert minted.introducer.swissnum not in shown
        assert minted.storage.swissnum not in shown
        assert "PRIVATE KEY" not in shown

"""Who a grid's nodes are: minted here, whole, before any host exists, so that every later host is the same node."""

import asyncio
import base64
import os
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# Clients pin the key and do not read the dates (allmydata.storage.http_client, foolscap.negotiate), and the
# certificate can never be replaced without changing the furl: so it must not seem to end.
_VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_VALID_UNTIL = datetime(2120, 1, 1, tzinfo=UTC)
_SWISSNUM_BYTES = 20  # foolscap.pb.generateSwissnumber: 160 bits


class _Blind(msgspec.Struct, frozen=True, kw_only=True):
    """A struct that does not show its fields."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Tub(_Blind, frozen=True, kw_only=True):
    """A Foolscap endpoint: its certificate and key in one PEM, the id that follows from it, its secret name."""

    pem: str
    tub_id: str
    swissnum: str


class Identity(_Blind, frozen=True, kw_only=True):
    """All that makes a grid's two nodes themselves. Under 6 KB; secret as a whole."""

    introducer: Tub
    storage: Tub
    announcement_key: str


async def mint() -> Identity:
    """A new identity. The arithmetic runs in threads, where it releases the interpreter."""
    introducer, storage = await asyncio.gather(asyncio.to_thread(_tub), asyncio.to_thread(_tub))
    return Identity(introducer=introducer, storage=storage, announcement_key=_announcement_key())


def pack(identity: Identity) -> bytes:
    """The identity as bytes to be sealed."""
    return msgspec.json.encode(identity)


def unpack(content: bytes) -> Identity:
    """The identity that ``pack`` made these bytes of."""
    return msgspec.json.decode(content, type=Identity)


def _tub() -> Tub:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "newpb_thingy")])  # as Foolscap names its own
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    digest = certificate.fingerprint(hashes.SHA1())  # noqa: S303  a tub's id is the SHA-1 of its certificate (Foolscap)
    return Tub(pem=pem.decode(), tub_id=_base32(digest), swissnum=_base32(os.urandom(_SWISSNUM_BYTES)))


def _announcement_key() -> str:
    """The Ed25519 key that signs announcements, as allmydata.crypto.ed25519 writes it."""
    return f"priv-v0-{_base32(ed25519.Ed25519PrivateKey.generate().private_bytes_raw())}"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()

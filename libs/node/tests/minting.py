"""A grid's identity, made with nothing but `cryptography`: what the provisioner does before any host exists."""

import base64
import functools
import hashlib
import itertools
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

RAW, PEM = serialization.Encoding.Raw, serialization.Encoding.PEM


def base32(raw: bytes) -> str:
    """RFC 4648 base32, lower case, no padding: what Foolscap and Tahoe-LAFS write everywhere."""
    return base64.b32encode(raw).decode("ascii").lower().rstrip("=")


@dataclass(frozen=True)
class Tub:
    """A Foolscap identity: `node.pem` and the tub id that follows from its certificate."""

    pem: str
    tub_id: str


# Making a key takes longer than most tests. Neighbours have different ones, and every certificate is its own.
_turns = itertools.cycle(range(8))


@functools.cache
def _key(_turn: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def mint_tub() -> Tub:
    key = _key(next(_turns))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "newpb_thingy")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * 50))
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    digest = hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).digest()  # noqa: S324  Foolscap's tub id
    return Tub((certificate.public_bytes(PEM) + key_pem).decode("ascii"), base32(digest))


def mint_server_key() -> str:
    raw = ed25519.Ed25519PrivateKey.generate().private_bytes(
        RAW, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    return f"priv-v0-{base32(raw)}\n"


def furl(tub: Tub, location: str, swissnum: str | None = None) -> str:
    return f"pb://{tub.tub_id}@{location}/{swissnum or base32(secrets.token_bytes(20))}"


def location(port: int, *hosts: str) -> str:
    return ",".join(f"tcp:{host}:{port}" for host in hosts)


@dataclass(frozen=True)
class Grid:
    """The complete identity of one grid as `s4-host apply` takes it."""

    grid_id: str
    introducer_furl: str
    specification: dict[str, object]


def mint_grid(grid_id: str, introducer_port: int, storage_port: int, *hosts: str) -> Grid:
    introducer, storage = mint_tub(), mint_tub()
    introducer_furl = furl(introducer, location(introducer_port, *hosts))
    storage_furl = furl(storage, location(storage_port, *hosts))
    return Grid(
        grid_id,
        introducer_furl,
        {
            "grid_id": grid_id,
            "introducer": {
                "port": introducer_port,
                "location": location(introducer_port, *hosts),
                "files": {"private/node.pem": introducer.pem, "private/introducer.furl": introducer_furl + "\n"},
            },
            "storage": {
                "port": storage_port,
                "location": location(storage_port, *hosts),
                "nickname": f"S4 {grid_id[:8]}",
                "files": {
                    "private/node.pem": storage.pem,
                    "private/node.privkey": mint_server_key(),
                    "private/storage.furl": storage_furl + "\n",
                    "announcement-seqnum": f"{int(time.time())}\n",
                },
                "introducer_furl": introducer_furl,
                "quota_bytes": None,
            },
        },
    )

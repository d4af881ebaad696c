"""Keys that a shop mints for itself once, in the formats that the services read."""

import base64
import secrets
import string

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


def seal_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def signing_key() -> str:
    """An Ed25519 private key in PEM."""
    return _private(PrivateFormat.PKCS8)


def ssh_key() -> str:
    """An Ed25519 private key as OpenSSH writes it, without a passphrase."""
    return _private(PrivateFormat.OpenSSH)


def public_half(private_pem: str) -> str:
    """The public key, PEM, of a private key in PEM."""
    key = load_pem_private_key(private_pem.encode(), password=None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer(private_pem: str) -> str:
    """The public half of what signs backups, as their settings name it."""
    key = load_pem_private_key(private_pem.encode(), password=None).public_key()
    return "ed25519:" + base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _private(shape: PrivateFormat) -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, shape, NoEncryption()).decode()


def letters(count: int) -> str:
    """Random letters and digits, as Stripe's keys have them."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(count))

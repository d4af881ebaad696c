"""The cryptography of a wormhole: one guess at a short code, and a strong key for who knew it."""

import json
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from spake2 import SPAKE2_Symmetric, SPAKEError  # type: ignore[import-untyped]  # it says nothing about its types
from spake2.ed25519_basic import NotOnCurve  # type: ignore[import-untyped]  # as above

# Both sides must name the same application, or they have different keys. `tahoe invite` and Gridsync name this one.
APP_ID = "tahoe-lafs.org/invite"
_KEY_BYTES = 32
_ELEMENT_BYTES = 33  # one for the kind of side, then a point of Ed25519
_SYMMETRIC = b"S"


class WrongKey(Exception):
    """The message was not made by somebody with this key."""


class NoElement(Exception):
    """What came as the other side's first message is nothing that a key can be made with."""


class Half(msgspec.Struct, frozen=True):
    """Our half of the exchange: ``spake`` is secret and can be gone on with, ``element`` is for the other side."""

    spake: bytes
    element: bytes


def begin(code: str) -> Half:
    """A new half for the code. The element tells nothing about the code (RFC 9382, section 8)."""
    exchange = SPAKE2_Symmetric(code.encode(), idSymmetric=APP_ID.encode())
    element = exchange.start()
    return Half(exchange.serialize(), element)


def shared_key(half: Half, element: bytes) -> bytes:
    """The key that we have in common with whoever made ``element`` with the same code. Raises NoElement."""
    if len(element) != _ELEMENT_BYTES or not element.startswith(_SYMMETRIC):
        raise NoElement
    try:
        key: bytes = SPAKE2_Symmetric.from_serialized(half.spake).finish(element)
    except (SPAKEError, NotOnCurve, ValueError):
        raise NoElement from None
    return key


def encrypt(key: bytes, side: str, phase: str, content: bytes) -> bytes:
    """The content for the other side."""
    return bytes(SecretBox(_phase_key(key, side, phase)).encrypt(content))


def decrypt(key: bytes, side: str, phase: str, body: bytes) -> bytes:
    """What ``side`` said in this phase. Raises WrongKey."""
    try:
        return SecretBox(_phase_key(key, side, phase)).decrypt(body)
    except (CryptoError, ValueError):
        raise WrongKey from None


def write_element(element: bytes) -> bytes:
    """The body of the first message."""
    return json.dumps({"pake_v1": element.hex()}).encode()


def read_element(body: bytes) -> bytes:
    """The element in the body of the other side's first message. Raises NoElement."""
    try:
        return bytes.fromhex(json.loads(body)["pake_v1"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoElement from None


def _phase_key(key: bytes, side: str, phase: str) -> bytes:
    purpose = b"wormhole:phase:" + sha256(side.encode()).digest() + sha256(phase.encode()).digest()
    return HKDF(SHA256(), _KEY_BYTES, None, purpose).derive(key)

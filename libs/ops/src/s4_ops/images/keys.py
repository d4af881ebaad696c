"""Keys that sign releases and images, in the files that cosign, skopeo and podman read.

The private key is PKCS #8 in a NaCl secretbox under a key that scrypt makes of the passphrase (cosign's
"ENCRYPTED COSIGN PRIVATE KEY"); the public key is plain PEM. Both are ECDSA on P-256 with SHA-256.
"""

import base64
import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from s4_runtime import Permanent, Secret

PASSPHRASE = "S4_SIGNING_PASSPHRASE"  # noqa: S105  the name of a variable
_BEGIN, _END = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----", "-----END ENCRYPTED COSIGN PRIVATE KEY-----"
_OTHER = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"  # what newer cosigns write
_COST = {"N": 32768, "r": 8, "p": 1}  # readers refuse any other
_SIGNED_BY = ec.ECDSA(hashes.SHA256())


class SigningKey:
    """What signs."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> "SigningKey":
        """One that nobody has."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, path: Path, passphrase: Secret) -> "SigningKey":
        """The key in the file. Raises Permanent."""
        try:
            lines = path.read_text(encoding="ascii").strip().splitlines()
            if lines[0] not in {_BEGIN, _OTHER}:
                raise Permanent("not-a-signing-key", file=str(path))
            sealed = json.loads(base64.b64decode("".join(lines[1:-1])))
            box = SecretBox(_stretched(passphrase, base64.b64decode(sealed["kdf"]["salt"]), sealed["kdf"]["params"]))
            opened = box.decrypt(base64.b64decode(sealed["ciphertext"]), base64.b64decode(sealed["cipher"]["nonce"]))
            key = serialization.load_der_private_key(opened, None)
        except CryptoError:
            raise Permanent("wrong-passphrase", file=str(path)) from None
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            raise Permanent("not-a-signing-key", file=str(path)) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Permanent("not-a-signing-key", file=str(path))
        return cls(key)

    def write(self, path: Path, passphrase: Secret) -> None:
        """The key is in the file, which only its owner reads, and which was not there before. Raises Permanent."""
        salt, nonce = os.urandom(32), os.urandom(SecretBox.NONCE_SIZE)
        plain = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        box = SecretBox(_stretched(passphrase, salt, _COST))
        sealed = {
            "kdf": {"name": "scrypt", "params": _COST, "salt": _text(salt)},
            "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
            "ciphertext": _text(box.encrypt(plain, nonce).ciphertext),
        }
        body = _text(json.dumps(sealed, separators=(",", ":")).encode())
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        _write_new(path, "\n".join([_BEGIN, *lines, _END, ""]))

    def sign(self, content: bytes) -> str:
        """The signature of the content, in base64 as `cosign sign-blob` writes it."""
        return _text(self._key.sign(content, _SIGNED_BY))

    @property
    def public(self) -> "PublicKey":
        """What verifies."""
        return PublicKey(self._key.public_key())


class PublicKey:
    """What verifies."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    @classmethod
    def read(cls, path: Path) -> "PublicKey":
        """The key in the file. Raises Permanent."""
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except (OSError, ValueError):
            raise Permanent("not-a-public-key", file=str(path)) from None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Permanent("not-a-public-key", file=str(path))
        return cls(key)

    @property
    def pem(self) -> str:
        """As files have it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def id(self) -> str:
        """By what people tell keys apart."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return hashlib.sha256(self._key.public_bytes(serialization.Encoding.DER, form)).hexdigest()[:16]

    def has_signed(self, content: bytes, signature: str) -> bool:
        """Whether the signature is this key's, of this content."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), content, _SIGNED_BY)
        except (InvalidSignature, ValueError):
            return False
        return True


def passphrase() -> Secret:
    """From the environment: S4_SIGNING_PASSPHRASE_FILE or S4_SIGNING_PASSPHRASE. Raises Permanent."""
    if path := os.environ.get(f"{PASSPHRASE}_FILE"):
        try:
            return Secret(Path(path).read_text(encoding="utf-8").rstrip("\n"))
        except OSError:
            raise Permanent("passphrase-unreadable", variable=f"{PASSPHRASE}_FILE") from None
    if found := os.environ.get(PASSPHRASE):
        return Secret(found)
    raise Permanent("no-passphrase", set=f"{PASSPHRASE}_FILE")


def _stretched(passphrase: Secret, salt: bytes, cost: dict[str, int]) -> bytes:
    if {name: cost.get(name) for name in _COST} not in (_COST, {**_COST, "N": 65536}):
        raise ValueError("an unusual cost of scrypt")
    return hashlib.scrypt(
        passphrase.reveal().encode(), salt=salt, n=cost["N"], r=cost["r"], p=cost["p"], maxmem=2**27, dklen=32
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _write_new(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Permanent("key-exists", file=str(path)) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)

"""A certificate authority of an installation for development, and what it signs."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_YEAR = timedelta(days=365)


class Authority:
    """Signs for names inside of one installation; its key is kept nowhere."""

    def __init__(self, now: datetime, lifetime: timedelta = _YEAR) -> None:
        self._now, self._lifetime, self._key = now, lifetime, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "S4 local authority")])
        self._made = self._certificate(self._name, self._key.public_key(), is_authority=True)

    @property
    def pem(self) -> str:
        """What clients trust."""
        return self._made.public_bytes(Encoding.PEM).decode()

    def server(self, name: str) -> dict[str, str]:
        """A server's certificate and key, as Kubernetes names them."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key.public_key(), is_authority=False)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {"tls.crt": made.public_bytes(Encoding.PEM).decode(), "tls.key": private, "ca.crt": self.pem}

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool
    ) -> x509.Certificate:
        common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(minutes=5))
            .not_valid_after(self._now + self._lifetime)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(str(common))]), critical=False)
        return builder.sign(self._key, SHA256())

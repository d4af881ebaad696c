"""Print the Secrets of k8s/overlays/local, newly made: ``python tools/local_secrets.py | kubectl apply --filename -``.

Made again, they are others: the database and the broker keep the words of the first time.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from s4_bus.definitions import users
from s4_shop import keys

NAMESPACE = "s4-local"
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
_YEAR = timedelta(days=365)
Texts = dict[str, str]


class Authority:
    """Signs for names inside of the cluster; its key is kept nowhere."""

    def __init__(self, now: datetime) -> None:
        self._now, self._key = now, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "S4 local authority")])
        self._made = self._certificate(self._name, self._key.public_key(), is_authority=True)

    @property
    def pem(self) -> str:
        """What clients trust."""
        return self._made.public_bytes(Encoding.PEM).decode()

    def server(self, name: str) -> Texts:
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
            .not_valid_after(self._now + _YEAR)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(str(common))]), critical=False)
        return builder.sign(self._key, SHA256())


def everything(stripe: Mapping[str, str], smtp: Mapping[str, str], aws: str, now: datetime) -> dict[str, Texts]:
    """Each Secret's keys and texts. ``stripe``, ``smtp`` and ``aws`` are the local cloud's."""
    authority = Authority(now)
    database, broker = ({name: _word() for name in SERVICES} for _ in range(2))
    people = {name: _word() for name in ("operator", "desk", "keda")}
    made = _services(stripe, smtp, aws)
    for name in SERVICES:
        made[name]["database-url"] = (
            f"postgresql://{name}:{database[name]}@postgres:5432/{name}"
            "?sslmode=verify-full&sslrootcert=/run/s4/authorities/database.pem"
        )
        made[name]["amqp-url"] = _amqp(name, broker[name])
    made["support"]["operator-amqp-url"] = _amqp("desk", people["desk"])
    made["topology"] = {"management-url": f"https://operator:{people['operator']}@rabbitmq:15671"}
    made["rabbitmq-users"] = {"users.json": json.dumps(users({**broker, **people}))}
    made["rabbitmq-cookie"] = {"cookie": _word()}
    made["rabbitmq-tls"] = authority.server("rabbitmq")
    made["postgres-tls"] = authority.server("postgres")
    made["postgres-ca"] = {"ca.crt": authority.pem}
    made["postgres-passwords"] = {**database, "postgres": _word()}
    return made


def manifests(made: Mapping[str, Texts]) -> dict[str, object]:
    """One list of Secrets, as kubectl takes it."""
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "s4"}},
                "stringData": texts,
            }
            for name, texts in made.items()
        ],
    }


def _services(stripe: Mapping[str, str], smtp: Mapping[str, str], aws: str) -> dict[str, Texts]:
    billing, provisioner, invites, support = (_word() for _ in range(4))
    claim, operator = keys.signing_key(), f"local:{_word()}"
    return {
        "web": {
            "billing-token": billing,
            "provisioner-token": provisioner,
            "invites-token": invites,
            "cookie-key": _word(),
            "claim-public-key": keys.public_half(claim),
            "stripe-publishable-key": stripe["publishable-key"],
        },
        "billing": {
            "service-token": billing,
            "stripe-secret-key": stripe["secret-key"],
            "stripe-webhook-secrets": stripe["webhook-secret"],
            "operator-tokens": f"{operator},support:{support}",
        },
        "provisioner": {
            "service-token": provisioner,
            "seal-key": keys.seal_key(),
            "ssh-key": keys.ssh_key(),
            "operator-tokens": operator,
            "aws-credentials": aws,
        },
        "notifier": {
            "smtp-user": "s4",
            "smtp-password": smtp["password"],
            "smtp-ca": smtp["ca"],
            "claim-private-key": claim,
        },
        "invites": {"service-token": invites, "provisioner-token": provisioner, "seal-key": keys.seal_key()},
        "support": {"operator-tokens": operator, "cookie-key": _word(), "billing-operator-token": support},
    }


def _amqp(user: str, word: str) -> str:
    return f"amqps://{user}:{word}@rabbitmq:5671/s4?cafile=/run/s4/authorities/broker.pem"


def _word() -> str:
    return secrets.token_urlsafe(32)


def main(arguments: list[str]) -> int:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cloud", type=Path, required=True, help="secrets of a local run (.s4/shop/secrets)")
    parser.add_argument("--mail-ca", type=Path, required=True, help="ca.pem of the local run's mail")
    asked = parser.parse_args(arguments)
    read = {path.name: path.read_text(encoding="utf-8").strip() for path in asked.cloud.iterdir() if path.is_file()}
    stripe = {name: read[f"stripe-{name}"] for name in ("publishable-key", "secret-key", "webhook-secret")}
    smtp = {"password": read["smtp-password"], "ca": asked.mail_ca.read_text(encoding="utf-8")}
    made = everything(stripe, smtp, read["aws-credentials"] + "\n", datetime.now(UTC))
    print(json.dumps(manifests(made)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

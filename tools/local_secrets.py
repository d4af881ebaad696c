"""Print the Secrets of k8s/overlays/local, newly made: ``python tools/local_secrets.py | kubectl apply --filename -``.

Made again, they are others: the database and the broker keep the words of the first time.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from s4_shop.minting.authority import Authority
from s4_shop.minting.installation import Doubles, Servers, Texts, installation, word

NAMESPACE = "s4-local"
_BROKER = "rabbitmq:5671/s4?cafile=/run/s4/authorities/broker.pem"
_DATABASE = "postgres:5432/{name}?sslmode=verify-full&sslrootcert=/run/s4/authorities/database.pem"
SERVERS = Servers(
    database="postgresql://{name}:{word}@" + _DATABASE,
    broker="amqps://{name}:{word}@" + _BROKER,
    management="https://{name}:{word}@rabbitmq:15671",
)


def everything(stripe: Mapping[str, str], smtp: Mapping[str, str], aws: str, now: datetime) -> dict[str, Texts]:
    """Each Secret's keys and texts. ``stripe``, ``smtp`` and ``aws`` are the local cloud's."""
    authority, kept = Authority(now), dict[str, str]()
    made = installation(lambda name, make: _kept(kept, name, make), SERVERS, Doubles(stripe, smtp, aws))
    made["rabbitmq-cookie"] = {"cookie": word()}
    made["rabbitmq-tls"] = authority.server("rabbitmq")
    made["postgres-tls"] = authority.server("postgres")
    made["postgres-ca"] = {"ca.crt": authority.pem}
    return made


def _kept(kept: dict[str, str], name: str, make: Callable[[], str]) -> str:
    return kept[name] if name in kept else kept.setdefault(name, make())


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

"""Who is told which secret, by the names that k8s/base/*/settings.env gives their files."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from s4_bus.definitions import DESK_USER, OPERATOR, users
from s4_shop import keys
from s4_shop.wiring import SERVICES

Texts = dict[str, str]
# The secret of this name. What the callable makes is that secret from then on, wherever it is kept.
Mint = Callable[[str, Callable[[], str]], str]


@dataclass(frozen=True)
class Servers:
    """Where the database, the broker and its management API are, with {name} and {word} of who asks."""

    database: str
    broker: str
    management: str


@dataclass(frozen=True)
class Doubles:
    """What the local cloud is told as well: Stripe's keys, the mail server's password and authority, AWS's keys."""

    stripe: Mapping[str, str]
    smtp: Mapping[str, str]
    aws: str


def word() -> str:
    """256 random bits in letters that need no quoting in an address."""
    return secrets.token_urlsafe(32)


def installation(mint: Mint, servers: Servers, doubles: Doubles) -> dict[str, Texts]:
    """Each service's files and those of whoever keeps the database and the broker, by name, with their texts."""
    database = {name: mint(f"database-{name}", word) for name in (*SERVICES, "postgres")}
    broker = {name: mint(f"amqp-{name}", word) for name in (*SERVICES, OPERATOR, DESK_USER, "keda")}
    made = _services(mint, doubles)
    for name in SERVICES:
        made[name]["database-url"] = servers.database.format(name=name, word=database[name])
        made[name]["amqp-url"] = servers.broker.format(name=name, word=broker[name])
    made["support"]["operator-amqp-url"] = servers.broker.format(name=DESK_USER, word=broker[DESK_USER])
    made["topology"] = {"management-url": servers.management.format(name=OPERATOR, word=broker[OPERATOR])}
    made["rabbitmq-users"] = {"users.json": _broker_users(mint, broker)}
    made["postgres-passwords"] = database
    return made


def operator(mint: Mint) -> str:
    """An operator's token."""
    return mint("operator", word)


def _broker_users(mint: Mint, passwords: Mapping[str, str]) -> str:
    """Hashed with salt, so it is made once for the same users and passwords."""
    same = hashlib.sha256(json.dumps(passwords, sort_keys=True).encode()).hexdigest()[:16]
    return mint(f"broker-users-{same}", lambda: json.dumps(users(passwords)))


def _services(mint: Mint, doubles: Doubles) -> dict[str, Texts]:
    billing, provisioner, invites, support = (
        mint(f"{name}-token", word) for name in ("billing", "provisioner", "invites", "support")
    )
    claim, local = mint("claim-private-key", keys.signing_key), f"local:{operator(mint)}"
    return {
        "web": {
            "billing-token": billing,
            "provisioner-token": provisioner,
            "invites-token": invites,
            "cookie-key": mint("web-cookie-key", word),
            "claim-public-key": keys.public_half(claim),
            "stripe-publishable-key": doubles.stripe["publishable-key"],
        },
        "billing": {
            "service-token": billing,
            "stripe-secret-key": doubles.stripe["secret-key"],
            "stripe-webhook-secrets": doubles.stripe["webhook-secret"],
            "operator-tokens": f"{local},support:{support}",
        },
        "provisioner": {
            "service-token": provisioner,
            "seal-key": mint("provisioner-seal-key", keys.seal_key),
            "ssh-key": mint("ssh-key", keys.ssh_key),
            "operator-tokens": local,
            "aws-credentials": doubles.aws,
        },
        "notifier": {
            "smtp-user": "s4",
            "smtp-password": doubles.smtp["password"],
            "smtp-ca": doubles.smtp["ca"],
            "claim-private-key": claim,
        },
        "invites": {
            "service-token": invites,
            "provisioner-token": provisioner,
            "seal-key": mint("invites-seal-key", keys.seal_key),
        },
        "support": {
            "operator-tokens": local,
            "cookie-key": mint("support-cookie-key", word),
            "billing-operator-token": support,
        },
    }

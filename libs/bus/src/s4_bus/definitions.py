"""The topology and the rights as RabbitMQ imports them. Importing adds and changes; it removes nothing."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from s4_bus.rights import DESK, NOBODY, NOTHING, Rights, everybody, rights
from s4_bus.topology import EXCHANGE, LISTENERS, edition, heard, main_queue, own_exchange, queues

VHOST = "s4"
OPERATOR = "operator"
DESK_USER = "desk"
# A look at a message is a delivery. From 4.0 on a quorum queue that says nothing lets go of what was delivered more
# than twenty times, and no limit is written as -1, which 3.x refuses; this many both take (RabbitMQ documentation,
# "Quorum Queues", poison messages).
LOOKS = 2**31 - 1

Definitions = dict[str, list[dict[str, Any]]]


def definitions(vhost: str = VHOST) -> Definitions:
    """Exchanges, queues, bindings, policies, and what each service's user may do. No users: they have passwords."""
    at = {"vhost": vhost}
    return {
        "vhosts": [{"name": vhost}],
        "exchanges": [at | each for each in _exchanges()],
        "queues": [
            at | {"name": queue.name, "durable": True, "auto_delete": False, "arguments": queue.arguments}
            for service in LISTENERS
            for queue in queues(service)
        ],
        "bindings": [at | each for each in _bindings()],
        "policies": [at | each for each in _policies()],
        "permissions": [_permission(user, rights(user), vhost) for user in everybody()],
        "topic_permissions": [
            at | {"user": user, "exchange": EXCHANGE, "write": rights(user).publish, "read": NOTHING}
            for user in everybody()
        ],
    }


def users(passwords: Mapping[str, str], vhost: str = VHOST, administrator: str = OPERATOR) -> Definitions:
    """These users, with their passwords as RabbitMQ keeps them.

    What services may do is not here. `desk` is the operators' desk; whoever else is not the administrator may only see
    how long queues are.
    """
    everything = Rights(configure=".*", write=".*", read=".*")
    others = {name: NOBODY for name in passwords if name not in everybody()}
    others |= {name: right for name, right in ((DESK_USER, DESK), (administrator, everything)) if name in others}
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": name,
                "password_hash": password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator" if name == administrator else "",
            }
            for name, password in passwords.items()
        ],
        "permissions": [_permission(name, right, vhost) for name, right in others.items()],
    }


def password_hash(password: str) -> str:
    """A password as RabbitMQ keeps it (rabbit_password_hashing_sha256: salt, then the hash of salt and password)."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _exchanges() -> list[dict[str, Any]]:
    usual = {"durable": True, "auto_delete": False, "internal": False, "arguments": {}}
    return [
        usual | {"name": EXCHANGE, "type": "topic"},
        *(usual | {"name": own_exchange(service), "type": "direct"} for service in LISTENERS),
        usual | {"name": edition(), "type": "fanout", "internal": True},
    ]


def _bindings() -> list[dict[str, Any]]:
    found = []
    for service in LISTENERS:
        found += [(EXCHANGE, main_queue(service).name, name) for name in heard(service)]
        found += [(own_exchange(service), queue.name, queue.name) for queue in queues(service)]
    return [
        {"source": source, "destination": queue, "destination_type": "queue", "routing_key": name, "arguments": {}}
        for source, queue, name in found
    ]


def _policies() -> list[dict[str, Any]]:
    """What is parked, or waits, stays however often somebody looks at it."""
    return [
        {
            "name": "s4-kept",
            "pattern": rf"^s4\.({'|'.join(LISTENERS)})\.(parked|retry\..+)$",
            "apply-to": "queues",
            "definition": {"delivery-limit": LOOKS},
            "priority": 0,
        }
    ]


def _permission(user: str, may: Rights, vhost: str) -> dict[str, str]:
    return {"user": user, "vhost": vhost, "configure": may.configure, "write": may.write, "read": may.read}

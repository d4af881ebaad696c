"""A virtual host with our definitions, and each service's own user in it."""

import asyncio
from dataclasses import dataclass

from s4_bus.definitions import Definitions, definitions, users
from s4_bus.management import apply
from s4_bus.rights import everybody
from support.infra import TestBroker

_WORD = "s4-tests-only"


@dataclass(frozen=True)
class UsersAtBroker:
    """Who may do what in one virtual host."""

    broker: TestBroker
    vhost: str

    async def define(self, *, only_users: bool = False) -> None:
        """The broker has the definitions; or only the users, as if nobody had applied the rest yet."""
        made = definitions(self.vhost)
        if only_users:
            made = {name: made[name] for name in ("vhosts", "permissions", "topic_permissions")}
        people = users(dict.fromkeys((*everybody(), "desk", "watcher"), _WORD), self.vhost)
        await self.apply({**made, **people, "permissions": [*people["permissions"], *made["permissions"]]})

    async def apply(self, document: Definitions) -> None:
        await asyncio.to_thread(apply, self.broker.node.operator_url, document)

    def url(self, user: str, word: str = _WORD) -> str:
        """As this user."""
        return f"amqp://{user}:{word}@127.0.0.1:{self.broker.node.ports.amqp}/{self.vhost}"

    async def forget(self, path: str) -> None:
        """An exchange or a queue of the virtual host is gone."""
        kind, name = path.split("/")
        await asyncio.to_thread(self.broker.call, "DELETE", f"/api/{kind}/{self.vhost}/{name}")

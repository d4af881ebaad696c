"""What the site asks the invite agent, because an owner waits."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from s4_runtime import PeerUnavailable, Secret, ServiceClient
from s4_web.accounts.account import Time
from s4_web.troubles import Refused

State = Literal["open", "claimed", "expired", "withdrawn", "replaced", "guessed", "crowded", "grid-gone"]

_REFUSALS = {
    (404, "no-such-grid"): "no-invites-yet",
    (409, "grid-not-ready"): "no-invites-yet",
    (404, "no-such-invite"): "not-found",
    (409, "invite-id-taken"): "bad-request",
}


class Invite(msgspec.Struct, frozen=True):
    """One invite; it has a code only while it is open."""

    invite_id: str
    state: State
    created_at: Time
    expires_at: Time
    code: Secret | None = None
    ended_at: Time | None = None
    mailbox: Literal["connected", "unreachable"] = "connected"
    mailbox_url: str = ""


class _List(msgspec.Struct, frozen=True):
    invites: list[Invite]


class Invites:
    """The invite agent, over HTTP. Anything that is not one of its agreed answers counts as unavailable."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def open(self, invite_id: str, account_id: str, grid_id: str) -> None:
        """There is an open invite of this id, and the grid has no other. Raises Refused or PeerUnavailable."""
        body = {"invite_id": invite_id, "account_id": account_id, "grid_id": grid_id}
        status, answer = await self._client.call("POST", "/invites", body)
        _check(status, answer)

    async def withdraw(self, invite_id: str, account_id: str) -> None:
        """The invite's code is dead. Raises Refused or PeerUnavailable."""
        body = {"account_id": account_id}
        status, answer = await self._client.call("POST", f"/invites/{invite_id}/withdraw", body)
        _check(status, answer)

    async def of_grid(self, account_id: str, grid_id: str) -> Sequence[Invite]:
        """The grid's invites, the newest first. Raises PeerUnavailable."""
        status, answer = await self._client.call("GET", f"/invites?account_id={account_id}&grid_id={grid_id}")
        _check(status, answer)
        try:
            return msgspec.convert(answer, _List, dec_hook=_secret).invites
        except msgspec.ValidationError:
            raise PeerUnavailable("invites-unavailable") from None


def _secret(_wanted: type, text: Any) -> Secret:
    if not isinstance(text, str):
        raise TypeError
    return Secret(text)


def _check(status: int, answer: dict[str, object]) -> None:
    code = _REFUSALS.get((status, str(answer.get("code"))))
    if code:
        raise Refused(code)
    if status != 200:
        raise PeerUnavailable("invites-unavailable")

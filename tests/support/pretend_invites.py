"""The invite agent as the site sees it at the wire: codes that a test can have used, guessed, or cut off."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from s4_contracts.ids import AccountId, GridId, InviteId
from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from support.web_peers import Peer

INVITES_TOKEN = "invites-token-of-the-tests"
MAILBOX = "ws://127.0.0.1:4000/v1"
_START = datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)


class PretendInvites(Peer):
    """Keeps invites by their ids; of one grid, one is open at most."""

    def __init__(self) -> None:
        super().__init__(INVITES_TOKEN)
        self.grids: set[tuple[str, str]] = set()
        self.kept: list[dict[str, Any]] = []
        self.mailbox_url, self.is_connected = MAILBOX, True

    @property
    def newest(self) -> dict[str, Any]:
        return self.kept[-1]

    def end(self, state: str) -> None:
        """The newest invite is over, in this way."""
        self.kept[-1] |= {"state": state, "code": None, "ended_at": (_START + timedelta(minutes=1)).isoformat()}

    async def answer(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        if path == "/invites":
            return self._open(body)
        found = next((one for one in self.kept if one["invite_id"] == path.split("/")[2]), None)
        if found is None or found["account_id"] != body["account_id"]:
            return 404, {"code": "no-such-invite"}
        if found["state"] == "open":
            found |= {"state": "withdrawn", "code": None, "ended_at": _START.isoformat()}
        return 200, self._shown(found)

    def _open(self, body: dict[str, Any]) -> tuple[int, object]:
        same = next((one for one in self.kept if one["invite_id"] == body["invite_id"]), None)
        if same:
            return 200, self._shown(same)
        if (body["grid_id"], body["account_id"]) not in self.grids:
            return 404, {"code": "no-such-grid"}
        for one in self.kept:
            if one["grid_id"] == body["grid_id"] and one["state"] == "open":
                one |= {"state": "replaced", "code": None, "ended_at": _START.isoformat()}
        times = {"created_at": _START.isoformat(), "expires_at": (_START + timedelta(days=7)).isoformat()}
        code = f"{100000001 + len(self.kept)}-bakelo-nurima"
        self.kept.append({**body, "state": "open", "code": code, "ended_at": None, **times})
        return 200, self._shown(self.newest)

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        mailbox = "connected" if self.is_connected else "unreachable"
        return {**one, "mailbox": mailbox, "mailbox_url": self.mailbox_url}

    def events(self, one: dict[str, Any]) -> list[InviteOpened | InviteClaimed | InviteEnded]:
        """What the agent tells the others of it, in order."""
        ids: dict[str, Any] = {
            "account_id": AccountId(one["account_id"]),
            "grid_id": GridId(one["grid_id"]),
            "invite_id": InviteId(one["invite_id"]),
        }
        opened = InviteOpened(**ids, expires_at=_START + timedelta(days=7), occurred_at=_START)
        if one["state"] == "open":
            return [opened]
        over = _START + timedelta(minutes=1)
        if one["state"] == "claimed":
            return [opened, InviteClaimed(**ids, occurred_at=over)]
        return [opened, InviteEnded(**ids, outcome=one["state"], occurred_at=over)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        is_ours = request.headers.get("Authorization") == f"Bearer {self._token}"
        if request.method != "GET" or self.is_down or not is_ours or request.path in self._next:
            return await super()._handle(request)
        kept = [one for one in self.kept if all(one[name] == value for name, value in request.query.items())]
        return web.json_response({"invites": [self._shown(one) for one in reversed(kept)][:20]})

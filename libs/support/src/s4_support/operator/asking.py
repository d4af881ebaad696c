"""What every question and every deed of an operator has in common."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web

from s4_bus.topology import LISTENERS
from s4_runtime import Clock, is_id
from s4_runtime.redaction import redact_text
from s4_runtime.refusals import NotNow, NotThere, WrongWish
from s4_store import Transaction
from s4_support.operator.tools import Tools

Answer = dict[str, Any]
LASTING = timedelta(minutes=15)
MOST_ROWS = 1000
_MOST_IDS = 1000


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parked messages, and why. ``confirm``: the code of the call that showed what would be done."""

    note: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
    ids: Annotated[list[str], msgspec.Meta(max_length=_MOST_IDS)] = []
    code: str = ""
    all: bool = False
    confirm: str | None = None
    dry_run: bool = False

    @property
    def reason(self) -> str:
        """Why, without what a log must not hold."""
        return redact_text(self.note)


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """An operator does something to messages of a service."""

    tools: Tools
    who: str
    what: str
    service: str
    now: datetime


S = TypeVar("S", bound=msgspec.Struct)


def read(body: bytes, shape: type[S]) -> S:
    """The body. Raises WrongWish."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WrongWish("malformed") from None


def service_of(request: web.Request) -> str:
    """The service that the path names. Raises NotThere."""
    service = request.match_info["service"]
    if service not in LISTENERS:
        raise NotThere("no-such-service")
    return service


def id_of(request: web.Request) -> str:
    """The id that the path names. Raises WrongWish."""
    found = request.match_info["id"]
    if not is_id(found):
        raise WrongWish("not-an-id")
    return found


def limit_of(query: Mapping[str, str], usual: int = 100) -> int:
    """How many rows were asked for. Raises WrongWish."""
    asked = query.get("limit", str(usual))
    if not (asked.isascii() and asked.isdigit() and 0 < len(asked) < 9):
        raise WrongWish("bad-limit")
    return max(1, min(int(asked), MOST_ROWS))


def json(answer: object) -> web.Response:
    """Times are ISO 8601, UTC."""
    body = msgspec.json.encode(answer)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


async def offer(tx: Transaction, act: Act, stamp: str) -> tuple[str, datetime]:
    """A code for the call that has the deed done, and until when it can be used."""
    code, ends_at = secrets.token_hex(4), act.now + LASTING
    sql = "INSERT INTO confirmations (code, what, about, stamp, asked_by, ends_at) VALUES ($1, $2, $3, $4, $5, $6)"
    await tx.execute(sql, code, act.what, act.service, stamp, act.who, ends_at)
    return code, ends_at


async def use(tx: Transaction, act: Act, code: str, stamp: str) -> None:
    """The code is used. Raises NotNow."""
    sql = "SELECT stamp, ends_at, used_at FROM confirmations WHERE code = $1 AND what = $2 AND about = $3 FOR UPDATE"
    row = await tx.fetchrow(sql, code, act.what, act.service)
    if row is None:
        raise NotNow("no-such-confirmation")
    if row["used_at"] is not None:
        raise NotNow("confirmation-used")
    if row["ends_at"] <= act.now:
        raise NotNow("confirmation-ended")
    if row["stamp"] != stamp:
        raise NotNow("changed-meanwhile")
    await tx.execute("UPDATE confirmations SET used_at = $2 WHERE code = $1", code, act.now)


def act_of(request: web.Request, tools: Tools, clock: Clock, who: str, what: str) -> Act:
    """The deed that a request asks for."""
    return Act(tools=tools, who=who, what=what, service=service_of(request), now=clock.now())

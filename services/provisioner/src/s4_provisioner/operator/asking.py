"""What every question and every deed of an operator has in common."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_provisioner import store
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.grids import Grid
from s4_provisioner.tools import Tools
from s4_runtime import is_id
from s4_runtime.refusals import NotThere, WrongWish
from s4_store import Transaction
from s4_store.audit import Audit

Answer = dict[str, Any]
Note = Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
AUDIT = Audit(about="about")
MOST_ROWS = 1000


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something is to be done. ``confirm``: the code of the call that showed what would be."""

    note: Note
    confirm: str | None = None
    dry_run: bool = False


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """An operator does something to what ``about`` names, in one transaction."""

    tx: Transaction
    tools: Tools
    who: str
    what: str
    about: str
    now: datetime


W = TypeVar("W", bound=msgspec.Struct)


def read(body: bytes, shape: type[W]) -> W:
    """The body. Raises WrongWish."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WrongWish("malformed") from None


def limit_of(query: Mapping[str, str], usual: int = 100) -> int:
    """How many rows were asked for. Raises WrongWish."""
    asked = query.get("limit", str(usual))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
        raise WrongWish("bad-limit")
    return min(int(asked), MOST_ROWS)


async def locked_grid(act: Act) -> Grid:
    """The grid, which nobody else moves until the transaction ends. Raises NotThere."""
    if is_id(act.about):
        await act.tx.execute("select from grids where id = $1 for no key update", act.about)
        if found := await store.grid(act.tx, GridId(act.about)):
            return found
    raise NotThere("no-such-grid")


async def locked_host(act: Act, host_id: str | None = None) -> Host:
    """The host, likewise. Raises NotThere."""
    wanted = host_id or act.about
    if is_id(wanted):
        await act.tx.execute("select from hosts where id = $1 for no key update", wanted)
        if found := await hosts.host(act.tx, HostId(wanted)):
            return found
    raise NotThere("no-such-host")

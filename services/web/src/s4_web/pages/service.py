"""Whether the service works, for anybody; the same for programs."""

from aiohttp import web

from s4_web.html import page
from s4_web.service.board import Board, Standing
from s4_web.service.words import NAMES

BOARD = web.AppKey("board", Board)


async def show(request: web.Request) -> web.Response:
    """The page. It is there without a database, without billing and without scripts."""
    standing = await request.app[BOARD].standing()
    return page(request, "service.html", standing=standing, names=NAMES)


async def tell(request: web.Request) -> web.Response:
    """The same in JSON; times in UTC."""
    return web.json_response(_told(await request.app[BOARD].standing()))


def _told(standing: Standing) -> dict[str, object]:
    parts = {name: {"state": part.state, "words": part.words} for name, part in standing.parts.items()}
    rows = zip(*(reversed(days) for days in standing.history.values()), strict=True)
    days = [
        {"day": row[0].day.isoformat(), **{name: one.state for name, one in zip(standing.history, row, strict=True)}}
        for row in rows
    ]
    return {"at": standing.at.isoformat(), "parts": parts, "usual_seconds": standing.usual_seconds, "days": days}

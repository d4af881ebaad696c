"""s4 grids: look at grids, and put right what is not."""

import argparse

from s4_cli import money
from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, Deed, ask, count, do, id_of
from s4_cli.tables import Row, done, facts, moments, size, table

_AT = "/operator/grids"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands."""
    commands = Commands(parser, "provisioner")
    made = commands.asks("list", _list, _listed, "grids, and where and how they are")
    for name in ("plan", "pool", "stage", "host", "account", "release", "version"):
        made.add_argument(f"--{name}", help=f"only those of this {name}")
    made.add_argument("--trouble", action="store_true", help="only those that fail, are lost or wait for a person")
    made.add_argument("--gone", action="store_true", help="also those of which nothing is left")
    made.add_argument("--versions", action="store_true", help="how many are served with which release and version")
    made.add_argument("--limit", type=count, default=100, help="so many at most")
    made.add_argument("--after", metavar="GRID", help="those that follow this one (the last of an earlier list)")
    made = commands.asks(
        "show", _show, _shown, "everything that is known of a grid, and what happened to it, oldest first"
    )
    made.add_argument("grid")
    commands.asks("usage", _usage, money.usage, "what grids hold, the fullest first, and all of a plan").add_argument(
        "--limit", type=count, default=20, help="so many at most"
    )
    made = commands.asks("cost", _cost, money.costs, "what grids cost us in a month, the dearest first, and by plan")
    made.add_argument("grid", nargs="?", help="this one alone")
    made.add_argument("--limit", type=count, default=20, help="so many at most")
    made = commands.asks("audit", _audit, _audited, "what operators did here, newest first")
    made.add_argument("--limit", type=count, default=50, help="so many at most")
    _add_deeds(commands)


def _add_deeds(commands: Commands) -> None:
    text = "work on a grid again: one that failed where it failed, a ready one from its bucket on"
    commands.does("recover", _deed("recover"), done, text).add_argument("grid")
    made = commands.does("move", _move, done, "bring a grid to another host, with the furl that it has")
    made.add_argument("grid")
    made.add_argument("--to", metavar="HOST", help="a host of its pool; otherwise any with room")
    made.add_argument("--release", help="a host of this release, from now on")
    text = "serve a grid no more until resumed, whatever billing says; nothing of it is removed meanwhile"
    commands.does("suspend", _deed("suspend"), done, text).add_argument("grid")
    text = "let a grid come to what billing says of it"
    commands.does("resume", _deed("resume"), done, text).add_argument("grid")
    text = "remove a grid with all that is stored in it, for ever; the first call only shows what would go"
    made = commands.does("delete", _deed("delete"), done, text, asks_first=True)
    made.add_argument("grid")
    made.add_argument("--force", action="store_true", help="also one that is paid for; by two operators")
    text = "give a grid's node a new session; it serves meanwhile"
    commands.does("rotate-credentials", _deed("rotate-credentials"), done, text).add_argument("grid")


async def _list(access: Access, asked: argparse.Namespace) -> Answer:
    if asked.versions:
        return await call(access, "GET", "/operator/versions")
    narrowing = ("plan", "pool", "stage", "host", "account", "release", "version", "trouble", "gone", "limit", "after")
    return await ask(access, _AT, asked, *narrowing)


async def _audit(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, "/operator/audit", asked, "limit")


async def _usage(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, "/operator/usage", asked, "limit")


async def _cost(access: Access, asked: argparse.Namespace) -> Answer:
    if asked.grid:
        id_of(asked.grid)
    return await ask(access, "/operator/costs", asked, "grid", "limit")


async def _show(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", f"{_AT}/{id_of(asked.grid)}")


async def _move(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"{_AT}/{id_of(asked.grid)}/move", asked, host=asked.to, release=asked.release)


def _deed(name: str) -> Deed:
    async def deed(access: Access, asked: argparse.Namespace) -> Answer:
        return await do(access, f"{_AT}/{id_of(asked.grid)}/{name}", asked)

    return deed


def _listed(answer: Answer) -> str:
    if "versions" in answer:
        return table(answer["versions"], pool="pool", release="release", version="version", grids="grids")
    lines = table(
        answer["grids"],
        grid="id",
        plan="plan",
        pool="pool",
        stage=_stage,
        since="stage_since",
        host="host_id",
        release="release",
        version="version",
        stored=lambda row: size(row["stored_bytes"]),
        trouble=_trouble,
    )
    more = answer["total"] - len(answer["grids"])
    return f"{lines}\n{answer['total']} in all" + (f", {more} not shown (--after, --limit)" if more > 0 else "")


def _audited(answer: Answer) -> str:
    return table(
        answer["audit"], at="at", who="who", what="what", about="about", why=lambda row: row["facts"].get("note")
    )


def _stage(row: Row) -> str:
    marks = [word for word in ("held", "frozen") if row[word]]
    return " ".join([row["stage"], *marks])


def _trouble(row: Row) -> object:
    lost = "lost" if row["lost_at"] else None
    failing = (row["bucket_code"] or row["probe_code"] or "failing") if row["failing_since"] else None
    return row["failed_code"] if row["stage"] == "failed" else row["unmended"] or lost or failing


def _shown(answer: Answer) -> str:
    return f"{facts(answer['grid'])}\n\n{moments(answer['history'])}"

"""s4 hosts and s4 breaker: the machines that grids are on, and what keeps them from being replaced."""

import argparse
from urllib.parse import quote

from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, Deed, ask, count, do, id_of
from s4_cli.tables import done, facts, moments, table

_AT = "/operator/hosts"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands of hosts."""
    commands = Commands(parser, "provisioner")
    made = commands.asks("list", _list, _listed, "hosts, and how full and how well they are")
    for name in ("pool", "stage", "release"):
        made.add_argument(f"--{name}", help=f"only those of this {name}")
    made.add_argument("--gone", action="store_true", help="also those that are gone")
    made.add_argument("--limit", type=count, default=100, help="so many at most")
    made.add_argument("--after", metavar="HOST", help="those that follow this one (the last of an earlier list)")
    made = commands.asks(
        "show", _show, _shown, "everything that is known of a host, its grids, and what happened to it"
    )
    made.add_argument("host")
    text = "place no grid on a host any more, and move those on it elsewhere, a few at a time; then it goes"
    commands.does("drain", _deed("drain"), done, text, asks_first=True).add_argument("host")
    commands.does("undrain", _deed("undrain"), done, "let a host take grids again").add_argument("host")
    made = commands.does("release", _deed("release"), done, "let an empty host go now", asks_first=True)
    made.add_argument("host")
    made.add_argument("--force", action="store_true", help="also one with grids: they come back on other hosts")
    text = "give all nodes of a host new sessions; they serve meanwhile"
    commands.does("rotate-credentials", _deed("rotate-credentials"), done, text).add_argument("host")
    commands.asks("quota", _quota, _quotas, "what the account may still have, and what each pool has")


def add_breaker(parser: argparse.ArgumentParser) -> None:
    """The commands of breakers."""
    commands = Commands(parser, "provisioner")
    commands.asks("show", _breakers, _breaker_rows, "whether anything is replaced or mended in each region")
    text = "let things be replaced again, and leave what follows to the rule"
    commands.does("close", _close, done, text).add_argument("region")
    made = commands.does("force", _force, done, "decide yourself, until the breaker is closed")
    made.add_argument("region")
    made.add_argument("state", choices=["open", "closed"])


def _deed(name: str) -> Deed:
    async def deed(access: Access, asked: argparse.Namespace) -> Answer:
        return await do(access, f"{_AT}/{id_of(asked.host)}/{name}", asked)

    return deed


async def _list(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, _AT, asked, "pool", "stage", "release", "gone", "limit", "after")


async def _show(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", f"{_AT}/{id_of(asked.host)}")


async def _quota(access: Access, _asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", "/operator/quota")


async def _breakers(access: Access, _asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", "/operator/breakers")


async def _close(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"/operator/breakers/{quote(asked.region)}", asked)


async def _force(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"/operator/breakers/{quote(asked.region)}", asked, state=asked.state)


def _listed(answer: Answer) -> str:
    lines = table(
        answer["hosts"],
        host="id",
        pool="pool",
        zone="zone",
        stage="stage",
        wanted="wanted",
        release="release",
        version="version",
        grids=lambda row: f"{row['grids']}/{row['capacity']}",
        machine="instance_id",
        trouble=lambda row: row["alarm"] or row["failed_code"] or row["trouble"] or row["reason"],
    )
    more = answer["total"] - len(answer["hosts"])
    return f"{lines}\n{answer['total']} in all" + (f", {more} not shown (--after, --limit)" if more > 0 else "")


def _shown(answer: Answer) -> str:
    grids = table(answer["grids"], grid="id", plan="plan", stage="stage", shard="shard", place="place")
    return f"{facts(answer['host'])}\n\n{grids}\n\n{moments(answer['history'])}"


def _quotas(answer: Answer) -> str:
    quotas = table(answer["quotas"], region="region", vcpus_left="vcpus", buckets_left="buckets", seen="seen_at")
    pools = table(
        answer["pools"],
        **{name: name for name in ("pool", "region", "release", "hosts", "open", "with_room", "grids")},
    )
    return f"{quotas}\n\n{pools}\n\n{table(answer['told'], pool='pool', told='told', at='told_at')}"


def _breaker_rows(answer: Answer) -> str:
    return table(answer["breakers"], region="region", state="state", forced="forced", since="since", trials="trials")

"""s4 queues: what waits between services, and what was put aside for a person."""

import argparse
from typing import Any

from s4_cli import terminal
from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, ask, count, do, id_of
from s4_cli.doctor.looking import look_at_all
from s4_cli.tables import Row, cell, done, facts, table
from s4_runtime import SystemClock

_AT = "/operator/queues"
_OLD = 300  # seconds that a message may wait before it is worth a word
# What a service says when it puts a message aside, for who did not write the service.
_MEANING = {
    "unknown-event": "the service's release does not know this event: deploy a newer one, then replay",
    "malformed-event": "the body is not what the contract says: its sender must be mended; drop it",
    "malformed-id": "the message has no id: it was not sent by our outbox",
    "delivered-too-often": "the service died of it several times: read its log before you replay",
    "handler-timeout": "handling took too long each time, over 20 minutes",
}


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands."""
    commands = Commands(parser, "support")
    commands.asks("list", _list, _listed, "every service's queue: how full, how old, who reads it, what is parked")
    made = commands.asks("parked", _parked, _parked_rows, "what a service put aside, oldest first; never bodies")
    made.add_argument("--code", default="", help="only those put aside for this reason")
    made.add_argument("--limit", type=count, default=100, help="so many at most")
    made.add_argument("of", metavar="SERVICE")
    made = commands.asks("show", _show, _shown, "what is known of a parked message, but for what it says")
    made.add_argument("of", metavar="SERVICE")
    made.add_argument("message", metavar="ID")
    made = commands.does("replay", _replay, done, "let a service handle parked messages again")
    made.add_argument("of", metavar="SERVICE")
    made.add_argument("messages", metavar="ID", nargs="*")
    made.add_argument("--all", action="store_true", help="all that are parked")
    made.add_argument("--code", default="", help="all that were put aside for this reason")
    made.add_argument("--dry-run", action="store_true", help="only show what would be done")
    text = "take parked messages away; they are kept for a month (see dropped, restore)"
    made = commands.does("drop", _drop, done, text, asks_first=True)
    made.add_argument("of", metavar="SERVICE")
    made.add_argument("messages", metavar="ID", nargs="+")
    made = commands.asks("dropped", _dropped, _dropped_rows, "what was dropped, newest first")
    made.add_argument("of", metavar="SERVICE")
    made.add_argument("--limit", type=count, default=100, help="so many at most")
    made = commands.does("restore", _restore, done, "park dropped messages again")
    made.add_argument("of", metavar="SERVICE")
    made.add_argument("messages", metavar="ID", nargs="+")
    made.add_argument("--dry-run", action="store_true", help="only show what would be done")
    commands.asks("audit", _audit, _audited, "what operators did here, newest first").add_argument(
        "--limit", type=count, default=50, help="so many at most"
    )


async def _list(access: Access, _asked: argparse.Namespace) -> Answer:
    """The queues; how long the oldest message has waited is known to who reads the queue."""
    answer = await call(access, "GET", _AT)
    looks = await look_at_all(access.probes, SystemClock())
    ages = {look.service: look.largest("s4_bus_queue_oldest_seconds") for look in looks}
    return {"queues": [{**row, "oldest_seconds": ages.get(row["service"])} for row in answer["queues"]]}


async def _parked(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, f"{_AT}/{_of(asked)}/parked", asked, "code", "limit")


async def _show(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", f"{_AT}/{_of(asked)}/parked/{id_of(asked.message)}")


async def _replay(access: Access, asked: argparse.Namespace) -> Answer:
    """Call after call, each for some of them, until none is left of those that there were at first."""
    path, ids = f"{_AT}/{_of(asked)}/replay", [id_of(each) for each in asked.messages]
    wish = {"ids": ids, "code": asked.code, "all": asked.all}
    given = {name: value for name, value in wish.items() if value}
    first = await do(access, path, asked, **given)
    if "would" in first:
        return first
    replayed, left = first["replayed"], first["left"]
    with terminal.counting("replayed", left) as moved:
        while left > 0 and not ids:
            answer = await do(access, path, asked, **given)
            if not answer["replayed"]:
                break
            replayed, left = replayed + answer["replayed"], left - answer["replayed"]
            moved(answer["replayed"])
    return {"service": asked.of, "replayed": replayed}


async def _drop(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"{_AT}/{_of(asked)}/drop", asked, ids=[id_of(each) for each in asked.messages])


async def _dropped(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, f"{_AT}/{_of(asked)}/dropped", asked, "limit")


async def _restore(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"{_AT}/{_of(asked)}/restore", asked, ids=[id_of(each) for each in asked.messages])


async def _audit(access: Access, asked: argparse.Namespace) -> Answer:
    return await ask(access, "/operator/audit", asked, "limit")


def _of(asked: argparse.Namespace) -> str:
    return "".join(sign for sign in asked.of if sign.isalnum() or sign == "-") or "-"


def warning(row: Row) -> str:
    """What about a service's queues asks for somebody; empty if nothing does."""
    found = []
    if row["waiting"] is None:
        found.append("it has no queue")
    elif not row["consumers"]:
        found.append("nobody reads it")
    if (row.get("oldest_seconds") or 0) > _OLD:
        found.append(f"the oldest has waited {row['oldest_seconds']} s")
    if row["parked"]:
        found.append(f"{row['parked']} parked: s4 queues parked {row['service']}")
    return "! " + "; ".join(found) if found else ""


def _listed(answer: Answer) -> str:
    return table(
        answer["queues"],
        service="service",
        waiting="waiting",
        oldest=lambda row: _age(row.get("oldest_seconds")),
        consumers="consumers",
        retries="retrying",
        parked="parked",
        parked_since=lambda row: _age(row.get("parked_oldest_seconds")),
        look=warning,
    )


def _age(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _parked_rows(answer: Answer) -> str:
    rows = table(
        answer["parked"], id="id", type="type", code="code", attempts="attempts", at="parked_at", story="story"
    )
    codes = [f"{code} ({many}): {_MEANING.get(code, 'see the service log')}" for code, many in answer["codes"].items()]
    return "\n".join([rows, "", *codes, f"{answer['total']} in all"])


def _shown(answer: Answer) -> str:
    plain = {name: value for name, value in answer.items() if not isinstance(value, dict)}
    parts = [facts(plain)]
    for name in ("ids", "headers"):
        if answer.get(name):
            parts += ["", f"{name}:", facts(answer[name])]
    return "\n".join(parts)


def _dropped_rows(answer: Answer) -> str:
    return table(
        answer["dropped"], id="id", type="type", code="code", at="dropped_at", by="dropped_by", restored="restored_at"
    )


def _audited(answer: Answer) -> str:
    return table(
        answer["audit"],
        at="at",
        who="who",
        what="what",
        about=lambda row: row["facts"].get("thing") or row["account_id"],
        messages=lambda row: len(row["facts"].get("ids", [])) or None,
        why=lambda row: cell(row["facts"].get("reason")),
    )

"""s4 events: everything that services told, as it comes in, or of one customer."""

import argparse
import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, count, id_of
from s4_cli.tables import Row, cell, facts
from s4_runtime import Temporary

_AT = "/operator/events"
_LANES = ("web", "billing", "provisioner", "notifier", "invites", "support")
_PAUSE = 2.0  # seconds between two looks
_REMEMBERED = 5000  # events; the service tells some of the last seconds again


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands."""
    commands = Commands(parser, "support")
    made = commands.asks("tail", _newest, _lines, "what services tell, as it comes in, until you end it")
    made.set_defaults(stream=_follow)
    made.add_argument("--type", default="", help="such as signup-paid, or billing.signup-paid.v1")
    made.add_argument("--of", metavar="SERVICE", default="", help="only what this service told")
    made.add_argument("--since", default="PT0S", metavar="DURATION", help="begin so long ago, such as PT1H")
    made.add_argument("--once", action="store_true", help="end with what there is")
    text = "all that happened to a customer, by any id or address: one timeline with a lane for each service"
    made = commands.asks("trace", _trace, _traced, text)
    made.add_argument("about", metavar="ID", help="an id of anything, a correlation id, an id of Stripe's, an address")
    made.add_argument("--limit", type=count, default=500, help="the newest so many")
    commands.asks("show", _show, _shown, "one event, with every id that it names").add_argument("event", metavar="ID")


async def _newest(access: Access, asked: argparse.Namespace) -> Answer:
    """All there is now, page by page."""
    found: list[Row] = []
    async for answer in _pages(access, asked):
        if not answer["events"]:
            break
        found += answer["events"]
    return {"events": found}


async def _follow(access: Access, asked: argparse.Namespace) -> AsyncIterator[Answer]:
    """Each answer with something in it, for ever; an outage is waited out."""
    async for answer in _pages(access, asked):
        if answer["events"]:
            yield {"events": answer["events"]}
        elif asked.once:
            return
        else:
            await asyncio.sleep(_PAUSE)


async def _pages(access: Access, asked: argparse.Namespace) -> AsyncIterator[Answer]:
    query = {"type": asked.type, "service": asked.of}
    known: OrderedDict[str, None] = OrderedDict()
    place = {"since": asked.since}
    while True:
        words = {name: value for name, value in {**query, **place}.items() if value}
        try:
            answer = await call(access, "GET", f"{_AT}?{urlencode(words)}")
        except Temporary:
            if asked.once or not known:
                raise
            await asyncio.sleep(_PAUSE)
            continue
        place = {"after": answer["after"]}
        fresh = [event for event in answer["events"] if event["id"] not in known]
        known.update((event["id"], None) for event in fresh)
        while len(known) > _REMEMBERED:
            known.popitem(last=False)
        yield {"events": fresh}


async def _trace(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "POST", "/operator/trace", {"about": asked.about, "limit": asked.limit})


async def _show(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", f"{_AT}/{id_of(asked.event)}")


def _lines(answer: Answer) -> str:
    return "\n".join(_line(event) for event in answer["events"])


def _line(event: Row) -> str:
    known = event["facts"]
    about = next((f"{name}={known[name]}" for name in ("account_id", "grid_id", "host_id") if known.get(name)), "")
    return f"{cell(event['at'])}  {event['type']:<42} {about}  story={event['story']}"


def _traced(answer: Answer) -> str:
    """A dot in the lane of who told it; a blank line where the story changes."""
    lines = [f"{each['account_id']}  ({each['as']})" for each in answer["accounts"]]
    if not answer["events"]:
        return "\n".join(["several accounts; choose one:", *lines])
    lanes = [*_LANES, *sorted({event["service"] for event in answer["events"]} - set(_LANES))]
    lines += ["", "  ".join(["time               ", "".join(lane[:4].ljust(5) for lane in lanes), "what happened"])]
    story = answer["events"][0]["story"]
    for event in answer["events"]:
        if event["story"] != story:
            story = event["story"]
            lines.append("")
        marks = "".join(("●" if lane == event["service"] else "·").ljust(5) for lane in lanes)
        lines.append(f"{cell(event['at'])}  {marks}  {event['said']}")
    return "\n".join([*lines, *(["older events are left out: --limit"] if answer["is_cut"] else [])])


def _shown(answer: Answer) -> str:
    plain = {name: value for name, value in answer.items() if name not in {"facts", "ids"}}
    return "\n".join([facts(plain), "", "facts:", facts(answer["facts"]), "", "ids:", *answer["ids"]])

"""s4 billing: look at accounts, and put right what is not."""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode

from s4_cli import show
from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import add_common
from s4_runtime import Permanent, derived_id, is_id

Answer = dict[str, Any]
Deed = Callable[[Access, argparse.Namespace], Awaitable[Answer]]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands, each with its ``deed`` and the way to ``show`` what came of it."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, deed: Deed, words: Callable[[Answer], str], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(deed=deed, show=words, service="billing")
        add_common(made)
        return made

    made = command("show", _show, show.timeline, "everything that is known of an account, oldest first")
    made.add_argument("account", help="an account's id, or the address that its bills go to")
    made = command("sync", _sync, show.account, "look at the account at Stripe now, and follow it")
    made.add_argument("account", help="an account's id")
    made = command("replay", _replay, show.flat, "handle an event of Stripe once more")
    made.add_argument("event", help="Stripe's id of the event (evt_...)")
    made = command("refund", _refund, show.flat, "give money back for a bill; a large one waits for a second operator")
    made.add_argument("account", help="an account's id")
    made.add_argument("--invoice", required=True, help="our id of the bill (see show)")
    made.add_argument("--amount", type=_amount, help="in the currency's minor unit; all that is left if not given")
    made.add_argument("--reason", choices=["goodwill", "other"], default="goodwill")
    made.add_argument("--note", required=True, help="why, for the audit")
    made.add_argument("--request-id", help="tells a second, equal refund from a repetition of the first")
    made = command("approve", _approve, show.flat, "let a refund go that another operator proposed")
    made.add_argument("refund", help="our id of the refund")
    made = command("drift", _drift, show.drift, "compare every subscription at Stripe with ours; changes nothing")
    made.add_argument("--last", action="store_true", help="the last report instead of a new look")
    made.add_argument("--apply", action="store_true", help="also follow Stripe where the two differ")
    made.add_argument(
        "--lost", action="store_true", help="with --apply: also bring back accounts that only Stripe knows"
    )
    made = command("audit", _audit, show.audit, "what operators did, newest first")
    made.add_argument("--limit", type=_amount, default=50)


async def _show(access: Access, asked: argparse.Namespace) -> Answer:
    if "@" not in asked.account:
        return await call(access, "GET", f"/operator/accounts/{_id(asked.account)}")
    found = (await call(access, "GET", "/operator/accounts?" + urlencode({"email": asked.account})))["accounts"]
    if len(found) != 1:
        return {"accounts": found}
    return await call(access, "GET", f"/operator/accounts/{found[0]['account_id']}")


async def _sync(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "POST", f"/operator/accounts/{_id(asked.account)}/sync")


async def _replay(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "POST", f"/operator/events/{quote(asked.event, safe='')}/replay")


async def _refund(access: Access, asked: argparse.Namespace) -> Answer:
    # The same command twice, after a lost answer, is one refund.
    same = (asked.account, asked.invoice, str(asked.amount), asked.reason, asked.note)
    request = derived_id("operator-refund", *same, asked.request_id or "")
    body = {"account_id": _id(asked.account), "invoice_id": _id(asked.invoice), "amount": asked.amount}
    body |= {"reason": asked.reason, "note": asked.note, "request_id": request}
    return await call(access, "POST", "/operator/refunds", body)


async def _approve(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "POST", f"/operator/refunds/{_id(asked.refund)}/approve")


async def _drift(access: Access, asked: argparse.Namespace) -> Answer:
    if asked.last:
        return await call(access, "GET", "/operator/drift")
    return await call(access, "POST", "/operator/drift", {"apply": asked.apply, "lost": asked.lost})


async def _audit(access: Access, asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", f"/operator/audit?limit={asked.limit}")


def _id(text: str) -> str:
    if not is_id(text):
        raise Permanent("not-an-id", given=text)
    return text


def _amount(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("is not a whole number above zero")
    return int(text)

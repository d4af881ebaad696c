"""Run by the node's Python: prints, as JSON, the settings that Gridsync would have got with a code.

    gridsync_receive.py receive MAILBOX_URL CODE    what it gets
    gridsync_receive.py words                       the words of which its field for codes takes two
    gridsync_receive.py typed CODE                  whether that field takes the code

It takes the steps of these functions of Gridsync, with the same library: `is_valid_code` (gridsync/invite.py);
`Wormhole.connect`, `Wormhole.receive` and `Wormhole.close` (gridsync/wormhole_.py); then `validate_settings` and the
uses of settings in `SetupRunner.run` (gridsync/setup.py), as far as they decide whether settings are fit for use.
"""

import json
import sys
from collections.abc import Mapping

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from wormhole import wormhole  # type: ignore[import-not-found]  # the node's, not ours
from wormhole._wordlist import raw_words  # type: ignore[import-not-found]  # the node's, not ours
from wormhole.errors import WormholeError  # type: ignore[import-not-found]  # the node's, not ours

APP_ID = "tahoe-lafs.org/invite"


def words() -> list[str]:
    return sorted({word.lower() for pair in raw_words.values() for word in pair})


def is_taken(code: str) -> bool:
    number, *rest = code.split("-")
    return number.isdigit() and len(rest) == 2 and not set(rest) - set(words())


async def receive(relay: str, code: str) -> dict[str, object]:
    hole = wormhole.create(APP_ID, relay, reactor)
    await hole.get_welcome()
    hole.set_code(code)
    hole.send_message(json.dumps({"abilities": {"client-v1": {}}}).encode("utf-8"))
    introduction = json.loads((await hole.get_message()).decode("utf-8"))
    if "offer" in introduction or "server-v1" not in introduction["abilities"]:
        raise SystemExit("an upgrade is required")
    settings: dict[str, object] = json.loads((await hole.get_message()).decode("utf-8"))
    try:
        await hole.close()
    except WormholeError as error:
        raise SystemExit("the wormhole did not end well") from error
    check(settings)
    return settings


def check(settings: Mapping[str, object]) -> None:
    """As a file name the nickname must be good; nothing may be there that no stranger may bring."""
    if not settings["nickname"] or "/" in str(settings["nickname"]) or "version" in settings:
        raise SystemExit("the settings are of no use")
    for name in ("rootcap", "convergence", "hide-ip", "magic-folders"):
        if name in settings:
            raise SystemExit("a thing that no invite may bring")


async def show(relay: str, code: str) -> None:
    sys.stdout.write(json.dumps(await receive(relay, code)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["receive", relay, code]:
            react(lambda _reactor: ensureDeferred(show(relay, code)))
        case ["words"]:
            sys.stdout.write("\n".join(words()))
        case ["typed", code]:
            sys.exit(not is_taken(code))
        case _:
            sys.exit(__doc__)

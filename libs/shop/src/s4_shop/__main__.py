"""The shop on this machine: python -m s4_shop up | down | status | logs [PART] | demo (see `make help`)."""

import asyncio
import os
import sys
from pathlib import Path

from s4_shop import commands, preparations
from s4_shop.addresses import PortTaken
from s4_shop.control import PartFailed
from s4_shop.folder import StateFolder
from s4_shop.missing import MissingProgram, NotReady


def main(arguments: list[str]) -> int:
    """The exit code of one command; errors that a person can act on are said without a stack."""
    try:
        return _command(arguments)
    except MissingProgram as missing:
        print(f"not installed: {missing}. `make demo` installs what is missing (as root).", file=sys.stderr)
    except (PortTaken, PartFailed, NotReady) as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _command(arguments: list[str]) -> int:
    code = 0
    match arguments:
        case ["up"]:
            asyncio.run(commands.up(os.environ))
        case ["down"]:
            commands.down(os.environ)
        case ["status"]:
            code = commands.status_table(os.environ)
        case ["logs", *names]:
            code = commands.logs(os.environ, names)
        case ["demo"]:
            code = asyncio.run(commands.demo(os.environ))
        case ["databases", root]:
            preparations.run_databases(StateFolder(Path(root)))
        case ["queues", root]:
            from s4_shop.queues import run_queues

            run_queues(StateFolder(Path(root)))
        case ["hosted-zone", endpoint, region]:
            preparations.hosted_zone(endpoint, region)
        case _:
            print(__doc__, file=sys.stderr)
            code = 2
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""s4: what operators type."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from s4_cli import terminal
from s4_cli.access import Access, access
from s4_cli.words import parser
from s4_runtime import Permanent, Temporary


def main(arguments: list[str]) -> int:
    """0 when done; 1 when it was refused, 75 when somebody could not be reached (sysexits: try again)."""
    try:
        asked = parser(arguments).parse_args(arguments)
        asked.environment = asked.environment or os.environ.get("S4_ENVIRONMENT", "")
        if "run" in asked:
            return int(asked.run(asked))
        found = access(asked.service, os.environ, Path.cwd(), asked.environment)
        asyncio.run(_stream(found, asked) if "stream" in asked else _deed(found, asked))
    except Permanent as refusal:
        print(f"s4: {refusal}", file=sys.stderr)
        return 1
    except Temporary as trouble:
        print(f"s4: {trouble}", file=sys.stderr)
        return 75
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read it has enough
        sys.stderr.close()
    except (OSError, UnicodeError, RecursionError) as trouble:  # a file of the operator's that is none of its kind
        print(f"s4: cannot-be-read {type(trouble).__name__} {getattr(trouble, 'filename', '')}", file=sys.stderr)
        return 1
    return 0


async def _deed(found: Access, asked: argparse.Namespace) -> None:
    where = f" ({found.deployment})" if found.deployment else ""
    with terminal.working(f"asking {asked.service}{where}"):
        answer = await asked.deed(found, asked)
    terminal.say(json.dumps(answer, indent=2) if asked.json else asked.show(answer))


async def _stream(found: Access, asked: argparse.Namespace) -> None:
    async for answer in asked.stream(found, asked):
        terminal.say("\n".join(map(json.dumps, answer["events"])) if asked.json else asked.show(answer))
        sys.stdout.flush()


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()

"""s4: what operators type."""

import asyncio
import json
import os
import sys
from pathlib import Path

from s4_cli.access import access
from s4_cli.words import parser
from s4_runtime import Permanent, Temporary


def main(arguments: list[str]) -> int:
    """0 when done; 1 when the service refused, 75 when it could not be reached (sysexits: try again)."""
    asked = parser().parse_args(arguments)
    try:
        if "run" in asked:
            status: int = asked.run(asked)
            return status
        answer = asyncio.run(asked.deed(access(asked.service, os.environ, Path.cwd()), asked))
    except Permanent as refusal:
        print(f"s4: {refusal}", file=sys.stderr)
        return 1
    except Temporary as trouble:
        print(f"s4: {trouble}", file=sys.stderr)
        return 75
    print(json.dumps(answer, indent=2) if asked.json else harmless(asked.show(answer)))
    return 0


def harmless(text: str) -> str:
    """The text without what a terminal would obey: some of it was written by customers and their banks."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()

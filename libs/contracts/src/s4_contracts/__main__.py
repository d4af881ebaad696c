"""Write the generated files: ``python -m s4_contracts asyncapi FILE`` or ``publish FOLDER``."""

import json
import sys
from pathlib import Path

from s4_contracts.asyncapi import document
from s4_contracts.envelope import routing_key
from s4_contracts.registry import EVENTS
from s4_contracts.schemas import schema_of


def main(arguments: list[str]) -> int:
    """Write what was asked for. A published schema that exists is left as it is."""
    match arguments:
        case ["asyncapi", target]:
            Path(target).write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
        case ["publish", folder]:
            for event in EVENTS:
                path = Path(folder) / f"{routing_key(event)}.json"
                if not path.exists():
                    path.write_text(json.dumps(schema_of(event), indent=2) + "\n", encoding="utf-8")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Lays out grids for a shard, with an identity each; prints their furls, a line each. Run by the node's own Python.

python shard_grids.py DIRECTORY FIRST COUNT SECTION_FILE      {number} in the section is the grid's
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "libs/node/tests"))

from support.serving import lay_out, mint  # type: ignore[import-not-found]


def main() -> None:
    folder, first, count, section = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_text()
    ports: set[int] = set()
    for number in range(first, first + count):
        while True:  # a free port may be found twice as long as nobody listens
            grid = mint(number)
            found = {grid.specification[node]["port"] for node in ("introducer", "storage")}
            if len(found - ports) == 2:
                break
        ports |= found
        lay_out(grid, folder / "grids" / grid.grid_id, section.replace("{number}", str(number)))
        print(grid.introducer_furl)


if __name__ == "__main__":
    main()

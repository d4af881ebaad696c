"""What the make targets do, once everything is installed."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from s4_shop import plan, status, table
from s4_shop.folder import StateFolder
from s4_shop.options import default_options, state_folder
from s4_shop.shop import Shop
from s4_shop.shop import down as shop_down

REPOSITORY = Path(__file__).resolve().parents[4]


async def up(environ: Mapping[str, str]) -> None:
    """The shop runs."""
    print((await started(environ)).where_to_click())


async def started(environ: Mapping[str, str]) -> Shop:
    """The shop of this clone, up; how long that took has been said."""
    began = time.monotonic()
    folder, options = StateFolder(state_folder(REPOSITORY, environ)), default_options(REPOSITORY, environ)
    print(f"starting the shop in {folder.root} (machines by {options.driver})", flush=True)
    shop = await Shop.up(folder, options, _say)
    print(f"the shop is up ({time.monotonic() - began:.1f} s)", flush=True)
    return shop


def down(environ: Mapping[str, str]) -> None:
    """Nothing of the shop runs."""
    shop_down(StateFolder(state_folder(REPOSITORY, environ)), _say)
    print("the shop is down; ports, secrets, logs and baked images are kept")


def status_table(environ: Mapping[str, str]) -> int:
    """0 when every part is up."""
    folder = StateFolder(state_folder(REPOSITORY, environ))
    parts, now = plan.load(folder.plan), status.load(folder.status)
    if not parts:
        print(f"the shop in {folder.root} is down")
        return 1
    print(table.table(folder, parts, now))
    return 0 if all(name in now and now[name].state in ("ready", "done") for name in (one.name for one in parts)) else 1


def logs(environ: Mapping[str, str], names: list[str]) -> int:
    """The end of the logs, then what is added, until interrupted."""
    folder = StateFolder(state_folder(REPOSITORY, environ))
    files = [folder.log(name) for name in names] or sorted(folder.logs.glob("*.log"))
    missing = [file.stem for file in files if not file.exists()]
    if missing or not files:
        known = ", ".join(sorted(file.stem for file in folder.logs.glob("*.log"))) or "none yet"
        print(f"no log of {', '.join(missing) or 'any part'}; there are: {known}")
        return 1
    follow = ["-F"] if os.isatty(1) else []
    return subprocess.run(["tail", "-n", "40", *follow, *map(str, files)], check=False).returncode


async def demo(environ: Mapping[str, str]) -> int:
    """A customer has bought a grid and used it."""
    from s4_shop.demo.journey import run

    return await run(await started(environ))


def _say(line: str) -> None:
    print(line, flush=True)

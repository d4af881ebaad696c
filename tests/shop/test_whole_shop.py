"""The whole shop: two at once, parts killed, a second start that changes nothing, and nothing left behind."""

import asyncio
import contextlib
from pathlib import Path
from signal import SIGKILL

import aiohttp
import msgspec
import pytest

from s4_shop import processes, status, table
from s4_shop.options import Options, default_options
from s4_shop.shop import Shop
from support.infra import TestRun, needs_program
from support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SLOW = 240.0  # seconds for a test: two whole shops on two processors


@pytest.fixture(scope="session")
def options() -> Options:
    return msgspec.structs.replace(default_options(ROOT, {}), durable=False)


@pytest.fixture
def states(test_run: TestRun) -> tuple[Path, Path]:
    return test_run.folder / "shop-one", test_run.folder / "shop-two"


def left_in(state: Path) -> list[str]:
    """Every process whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            if entry.name.isdigit() and f"{state}/" in words:
                found.append(words)
    return found


@pytest.mark.long
@pytest.mark.timeout(SLOW)
async def test_two_shops_at_once_survive_kills_and_leave_nothing(states: tuple[Path, Path], options: Options) -> None:
    one, two = states
    said: list[str] = []
    with needs_program():
        async with contextlib.AsyncExitStack() as stack:
            first, second = await asyncio.gather(
                stack.enter_async_context(Shop.open(one, options, said.append)),
                stack.enter_async_context(Shop.open(two, options, said.append)),
            )
            await serves_its_site(first)
            await serves_its_site(second)
            assert not set(first.urls.values()) & set(second.urls.values())
            await a_second_up_changes_nothing(first, options)
            await a_killed_broker_and_service_come_back(first)
            await a_held_service_stays_down(first)
            assert second.restarts("rabbitmq") == 0
    assert left_in(one) == left_in(two) == []
    assert not (one / "data").exists()
    assert (one / "secrets" / "ssh-key").exists()


async def serves_its_site(shop: Shop) -> None:
    async with aiohttp.ClientSession() as session, session.get(shop.urls["site"]) as answer:
        assert answer.status == 200
    async with aiohttp.ClientSession() as session, session.get(shop.urls["inbox"]) as answer:
        assert answer.status == 200


async def a_second_up_changes_nothing(shop: Shop, options: Options) -> None:
    before = {part.name: shop.pid(part.name) for part in shop.parts}
    again = await Shop.up(shop.folder, options, lambda _line: None)
    assert {part.name: again.pid(part.name) for part in again.parts} == before


async def a_killed_broker_and_service_come_back(shop: Shop) -> None:
    before = {name: shop.pid(name) for name in ("rabbitmq", "notifier")}
    await asyncio.gather(*(shop.kill(name, SIGKILL) for name in before))
    await shop.until_ready(within=90)
    assert all(shop.pid(name) not in (None, pid) for name, pid in before.items())
    shown = table.table(shop.folder, shop.parts, status.load(shop.folder.status))
    assert "rabbitmq killed by SIGKILL" in shown
    assert shop.memory_mib("rabbitmq") > 20


async def a_held_service_stays_down(shop: Shop) -> None:
    await shop.stop("notifier")
    held = shop.folder.status
    await until(lambda: status.load(held)["notifier"].state == "stopped", within=10, what="the notifier is stopped")
    assert processes.recall(shop.folder.pid_file("notifier")) is None
    await shop.start("notifier")
    assert shop.pid("notifier")
    assert "notifier" in shop.log("notifier")

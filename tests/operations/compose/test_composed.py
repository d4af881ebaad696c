"""The system of compose.yaml, up for real, with purchases through it.

What cannot be had here is Grafana. The images of others are stand-ins under the official names.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import pytest

from s4_ops.images.recipes import SERVICES as NAMES
from support.composed.system import DEVELOP, Composed, System, mebibytes
from support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]
Note = Callable[[str, object], None]
PROMETHEUS = "http://localhost:9090/api/v1"


@pytest.fixture
async def system(composed: Composed) -> AsyncIterator[System]:
    """Everything is well, and is again afterwards, whatever the test did."""
    yield composed.system
    if composed.system.ill():
        await composed.system.up()


async def test_a_customer_buys_a_grid_and_a_second_client_joins_it(
    system: System, composed: Composed, record_property: Note
) -> None:
    resting = system.memory()
    said = await asyncio.to_thread(system.compose, "run", "--rm", "-T", "demo")

    assert "every byte the same" in said
    assert "reads the file that the first one stored" in said
    times = [line.strip(" :") for line in said.splitlines() if "paid to ready" in line or "demo took" in line]
    record_property("note", f"compose: {composed.seconds:.0f} s from `up` to everything well; {'; '.join(times)}")
    for when, told in (("at rest", resting), ("after a purchase", system.memory())):
        held = {name: mebibytes(text) for name, text in told.items()}
        each = ", ".join(f"{name} {size:.0f}" for name, size in sorted(held.items(), key=lambda item: -item[1]))
        record_property("note", f"compose: MiB of memory {when}: {each}; {sum(held.values()):.0f} in all")


@pytest.mark.parametrize("killed", [["provisioner"], ["billing", "rabbitmq"], ["web", "notifier", "postgres"]], ids=str)
async def test_a_purchase_is_finished_when_what_was_killed_in_the_middle_is_up_again(
    system: System, killed: list[str]
) -> None:
    email = f"{'-'.join(killed)}@example.com"
    assert await system.visit("pay", email)
    await asyncio.to_thread(system.compose, "kill", *killed)
    await system.up()

    assert await system.visit("claim", email, patience=240)


async def test_who_sits_at_the_host_reaches_what_is_published(system: System) -> None:
    assert "S4" in system.page("http://localhost:8080/")
    assert "<form" in system.page("http://localhost:8081/sign-in")
    assert "letters" in json.loads(system.page("http://localhost:2580/api/letters"))
    assert "Stripe" in system.page("http://localhost:12111/v3/stripe.js")
    assert "RabbitMQ" in system.page("http://localhost:15672/")


async def test_prometheus_hears_from_every_service_and_has_taken_the_rules(system: System) -> None:
    def heard() -> set[str]:
        return {one["metric"]["job"] for one in _asked(system, f"query?query={quote('up == 1')}")["result"]}

    await until(lambda: {*NAMES, "rabbitmq"} <= heard(), within=90, what="all of them up", pause=1)
    groups = _asked(system, "rules")["groups"]
    there = {path.name for path in (system.root / "k8s/observability/rules").glob("*.yaml")}
    assert {one["file"].rpartition("/")[2] for one in groups} == there
    assert [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"] == []


async def test_an_operator_asks_by_the_command(system: System) -> None:
    told = await asyncio.to_thread(system.compose, "run", "--rm", "-T", "s4", "queues", "list", "--json")
    assert {one["service"] for one in json.loads(told)["queues"]} >= {"billing", "notifier"}


async def test_a_customers_own_client_joins_by_a_code_and_shows_its_page_on_the_host(system: System) -> None:
    email = "client@example.com"
    assert await system.visit("pay", email)
    assert await system.visit("claim", email, patience=240)
    invited = await system.visit("invite", email)
    assert invited
    await asyncio.to_thread(system.compose, "run", "--rm", "-T", "join", invited["code"])
    await asyncio.to_thread(system.compose, "up", "--detach", "--no-build", "--no-deps", "client")

    def connected() -> bool:
        servers = json.loads(system.page("http://localhost:3456/?t=json"))["servers"]
        return any(server["connection_status"] == "connected" for server in servers)

    await until(connected, within=90, what="a client that has found its grid", pause=0.5)
    system.compose("rm", "--force", "--stop", "client")


async def test_an_account_outlives_down_and_up_but_not_its_volumes(system: System) -> None:
    email = "stays@example.com"
    assert await system.visit("pay", email)
    assert await system.visit("claim", email, patience=240)
    await asyncio.to_thread(system.compose, "down", "--timeout", "20")
    await system.up()
    entered = await system.visit("enter", email)
    assert entered
    assert "/account" in entered["at"]
    assert await system.visit("pay", "later@example.com")
    assert await system.visit("claim", "later@example.com", patience=240)

    await asyncio.to_thread(system.compose, "down", "--volumes", "--timeout", "20")
    await system.up()
    assert await system.visit("enter", email, patience=10) is None


async def test_a_service_starts_again_with_what_was_edited(system: System) -> None:
    await asyncio.to_thread(system.compose, "run", "--rm", "-T", "--no-deps", "web-migrate", files=DEVELOP)
    up = ("up", "--detach", "--no-build", "--no-deps", "web")
    await asyncio.to_thread(system.compose, *up, files=DEVELOP)
    await system.well()
    before = system.containers()["web"].id
    site = system.root / "services/web/src/s4_web"
    await _edited(system, site / "templates/terms.html", "Terms, in plain words", "Terms, edited words")
    await _edited(system, site / "pages/home.py", '"terms.html"', '"how.html"', "How it works")

    assert system.containers()["web"].id == before
    await system.up()


async def _edited(system: System, path: Any, old: str, new: str, seen: str = "") -> None:
    """The page is made of the edited file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    await until(lambda: (seen or new) in system.page("http://localhost:8080/terms"), within=60, what="the edited page")


def _asked(system: System, what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(system.page(f"{PROMETHEUS}/{what}"))["data"]
    return found

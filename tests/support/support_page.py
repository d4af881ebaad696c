"""The support page in process: a real database, a browser, a clock that the test moves."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from s4_bus.testing import deliver
from s4_contracts import EVENTS, Event
from s4_contracts.ids import (
    AccountId,
    GridId,
    HostId,
    InviteId,
    LetterId,
    RefundId,
    RequestId,
    SignupId,
    SubscriptionId,
)
from s4_runtime import Secret, context, new_id
from s4_runtime.testing import ManualClock
from s4_shop.ports import free_port
from s4_store import Pool
from s4_store.testing import emitted
from s4_support.app import build_app
from s4_support.desk import Desk
from s4_support.pruning import Pruning
from s4_support.settings import Settings
from support.web_peers import Browser, Page, Peer, a_browser

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN, OTHER_TOKEN = "a-token-of-ada-that-is-long", "a-token-of-grace-that-is-long"
BILLING_OPERATOR_TOKEN = "the-token-of-the-support-page"
EMAIL = "Reader@Example.org"
# What the fields of events are like when a test does not care.
_USUAL: dict[str, Any] = {
    "plan": "personal",
    "email": EMAIL,
    "amount": 2500,
    "currency": "usd",
    "invoice_number": "S4-0007",
    "attempt": 1,
    "previous_plan": "studio",
    "step": "host",
    "state": "started",
    "position": 4,
    "total": 8,
    "region": "eu-central-1",
    "proof_seconds": 1.5,
    "seconds": 2.5,
    "code": "no-capacity",
    "final": False,
    "objects": 12,
    "stored_bytes": 1_500_000,
    "quota_bytes": 250_000_000_000,
    "pool": "shared",
    "plans": ["personal"],
    "can_build": True,
    "room": 3,
    "by_owner": True,
    "language": "de",
    "wanted": True,
    "paused": True,
    "revision": 1,
    "outcome": "expired",
}
_KINDS = {"notifier": "welcome", "billing": "dispute"}
_REASONS = {"ServiceSuspended": "unpaid", "SubscriptionEnded": "cancelled", "RefundIssued": "goodwill"}


class Customer:
    """The ids of one customer; makes any event of theirs."""

    def __init__(self) -> None:
        self.ids: dict[str, Any] = {
            "account_id": AccountId(new_id()),
            "signup_id": SignupId(new_id()),
            "subscription_id": SubscriptionId(new_id()),
            "grid_id": GridId(new_id()),
            "host_id": HostId(new_id()),
            "letter_id": LetterId(new_id()),
            "request_id": RequestId(new_id()),
            "refund_id": RefundId(new_id()),
            "invite_id": InviteId(new_id()),
        }

    @property
    def account(self) -> str:
        return str(self.ids["account_id"])

    def event(self, kind: type[Event], at: datetime = START, **facts: Any) -> Any:
        """An event of this customer, with the usual facts unless others are given."""
        known = {**_USUAL, **self.ids, "claim_ref": f"{self.ids['grid_id']}:1", "accounts": [self.ids["account_id"]]}
        known |= {"occurred_at": at, "kind": _KINDS.get(kind.__module__.rpartition(".")[2], "")}
        known |= {"reason": _REASONS.get(kind.__name__, "owner")}
        names = [field.name for field in msgspec.structs.fields(kind)]
        times = {name: at + timedelta(days=30) for name in names if name.endswith(("_at", "_end", "_after"))}
        times |= {name: at for name in names if name in {"proved_at", "measured_at", "occurred_at"}}
        return kind(
            **{name: {**known, **times, **facts}[name] for name in names if name in {**known, **times, **facts}}
        )

    def everything(self) -> list[Any]:
        """One event of each kind that others tell, a minute after each other."""
        kinds = [kind for kind in EVENTS if not kind.__module__.endswith(".support")]
        return [self.event(kind, START + timedelta(minutes=index)) for index, kind in enumerate(kinds)]


class PretendBillingDesk(Peer):
    """Billing's operators' listener, which knows whose some ids of Stripe's are."""

    def __init__(self) -> None:
        super().__init__(BILLING_OPERATOR_TOKEN)
        self.known: dict[str, list[str]] = {}

    async def answer(self, path: str, _body: dict[str, Any]) -> tuple[int, object]:
        found = self.known.get(path.rpartition("/")[2])
        if found is None:
            return 404, {"code": "no-such-account"}
        return 200, {"accounts": [{"account_id": account} for account in found]}


class SupportPage:
    """What a test holds."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool, self.settings = pool, settings
        self.clock = ManualClock(START + timedelta(days=1))
        self.billing = PretendBillingDesk()

    async def hears(self, *events: Event, story: str | None = None) -> None:
        """The events arrive in this order, as parts of one story or each of its own."""
        for event in events:
            with context.bound(context.from_headers({context.CORRELATION_HEADER: story or new_id()})):
                await deliver(self.pool, Desk().routes(), event)

    async def emitted(self) -> list[Event]:
        return await emitted(self.pool)

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"select count(*) from {table}"))  # noqa: S608  a table of the test

    async def audit(self) -> list[tuple[str, str, str | None]]:
        rows = await self.pool.fetch("select who, what, account_id from audit order by id")
        return [(row["who"], row["what"], row["account_id"]) for row in rows]

    async def prune(self) -> int:
        return await Pruning(self.pool, self.settings, self.clock).once()

    @asynccontextmanager
    async def browser(self) -> AsyncIterator["Operator"]:
        async with a_browser(self.settings.public_url) as browser:
            yield Operator(browser)


class Operator:
    """Somebody with a browser."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.get, self.post, self.session = browser.get, browser.post, browser.session

    async def sign_in(self, token: str = TOKEN) -> Page:
        page = await self.get("/sign-in")
        return await self.post("/sign-in", {"csrf": page.value("csrf"), "token": token})

    async def find(self, asked: str) -> Page:
        page = await self.get("/")
        return await self.post("/find", {"csrf": page.value("csrf"), "asked": asked})

    async def account(self, customer: Customer, query: str = "") -> Page:
        return await self.get(f"/accounts/{customer.account}{query}")

    async def does(self, path: str, reason: str = "ticket 7") -> Page:
        """The deed's form is opened, filled in and sent."""
        page = await self.get(path)
        if page.status != 200:
            return page
        return await self.post(path, {"csrf": page.value("csrf"), "form_id": page.value("form_id"), "reason": reason})


def sentences(page: Page) -> list[str]:
    """What the list of events says, from top to bottom."""
    return re.findall(r"<strong>(.*?)</strong>", page.text)


def line(page: Page, label: str) -> str:
    """What stands beside the label among the lines of the present state."""
    found = re.search(rf"<dt>{label}</dt><dd[^>]*>(.*?)</dd>", page.text)
    return found[1] if found else ""


def settings_of(database: str, **changed: Any) -> Settings:
    listen = f"127.0.0.1:{free_port()}"
    given: dict[str, Any] = {
        "database_url": Secret(database),
        "amqp_url": Secret("amqp://nobody.invalid"),
        "deployment": "test",
        "listen": listen,
        "public_url": f"http://{listen}",
        "operator_tokens": [Secret(f"ada:{TOKEN}"), Secret(f"grace:{OTHER_TOKEN}")],
        "cookie_key": Secret("a cookie key of the tests"),
    }
    return Settings(**{**given, **changed})


@asynccontextmanager
async def support_page(database: str, **changed: Any) -> AsyncIterator[SupportPage]:
    """The page, served on a port of its own."""
    async with Pool.open(database) as pool, aiohttp.ClientSession() as session:
        page = SupportPage(pool, settings_of(database, **changed))
        async with page.billing.serving():
            if "billing_operator_url" not in changed:
                asks = {"billing_operator_url": page.billing.url}
                token = {"billing_operator_token": Secret(BILLING_OPERATOR_TOKEN)}
                page.settings = msgspec.structs.replace(page.settings, **asks, **token)
            async with served(page, session):
                yield page


@asynccontextmanager
async def served(page: SupportPage, session: aiohttp.ClientSession) -> AsyncIterator[None]:
    """One process of the page, as far as browsers can tell."""
    app = build_app(page.settings, page.pool, session, page.clock)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    host, _, port = page.settings.listen.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    try:
        yield
    finally:
        await runner.cleanup()

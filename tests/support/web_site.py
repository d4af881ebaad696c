"""A running site: replicas on ports of their own, one database, peers at the wire, events as they would come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from s4_bus.testing import deliver
from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, GridId, HostId, LetterId, SignupId, SubscriptionId
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import FurlIssued, InstanceReady, ProvisioningFailed, ProvisioningProgressed
from s4_runtime import Secret, new_id
from s4_runtime.plain_site import PlainSite
from s4_runtime.testing import ManualClock
from s4_shop.ports import free_port
from s4_store import Pool
from s4_store.testing import emitted
from s4_web.app import build_app
from s4_web.live import Live
from s4_web.settings import Settings
from s4_web.views import routes
from support.pretend_invites import INVITES_TOKEN, PretendInvites
from support.web_peers import (
    BILLING_TOKEN,
    PROVISIONER_TOKEN,
    Browser,
    Page,
    PretendBilling,
    PretendProvisioner,
    a_browser,
    an_account,
)

FURL = "pb://abcdefghijklmnopqrstuvwxyz234567@g1.grids.example.com:34561/swissnumswissnumswissnumswissnum"
STEPS = ("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof")


def public_pem(key: Ed25519PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


class Buyer:
    """The ids of one signup, as the other services know them; makes their events."""

    def __init__(self, site: "RunningSite", signup_id: str, account_id: str) -> None:
        self._site = site
        self.signup_id, self.account_id = SignupId(signup_id), AccountId(account_id)
        self.grid_id = GridId(new_id())
        self.letter_id = LetterId(new_id())

    @property
    def _ids(self) -> dict[str, Any]:
        return {"account_id": self.account_id, "signup_id": self.signup_id, "grid_id": self.grid_id}

    @property
    def claim_ref(self) -> str:
        return f"{self.grid_id}:1"

    def paid(self, email: str = "ada@example.com", plan: str = "personal") -> SignupPaid:
        return SignupPaid(
            account_id=self.account_id,
            signup_id=self.signup_id,
            subscription_id=SubscriptionId(new_id()),
            plan=plan,
            email=email,
            occurred_at=self._site.clock.now(),
        )

    def progressed(self, step: str, state: Any, seconds: float | None = None, **more: Any) -> ProvisioningProgressed:
        known = {"position": STEPS.index(step) + 1 if step in STEPS else 4, "total": 8, "attempt": 1}
        times = {"occurred_at": self._site.clock.now()}
        return ProvisioningProgressed(
            **self._ids, step=step, state=state, seconds=seconds, **{**known, **times, **more}
        )

    def ready(self) -> InstanceReady:
        now = self._site.clock.now()
        more: dict[str, Any] = {
            "host_id": HostId(new_id()),
            "region": "eu-central-1",
            "proved_at": now,
            "proof_seconds": 1.25,
        }
        return InstanceReady(**self._ids, **more, occurred_at=now)

    def furl_issued(self) -> FurlIssued:
        return FurlIssued(**self._ids, claim_ref=self.claim_ref, occurred_at=self._site.clock.now())

    def failed(self, *, final: bool, step: str = "host") -> ProvisioningFailed:
        return ProvisioningFailed(
            **self._ids, step=step, code="no-capacity", final=final, occurred_at=self._site.clock.now()
        )

    def letter(self, *, bounced: bool = False) -> LetterSent | LetterBounced:
        ids: dict[str, Any] = {"account_id": self.account_id, "letter_id": self.letter_id, "kind": "welcome"}
        now = self._site.clock.now()
        return LetterBounced(**ids, code="550", occurred_at=now) if bounced else LetterSent(**ids, occurred_at=now)

    def link(self, key: Ed25519PrivateKey | None = None, **claims: Any) -> str:
        """The token in the letter's link; ``claims`` replace its own, None leaves one out."""
        now = int(self._site.clock.now().timestamp())
        said = {
            "iss": "s4-notifier",
            "aud": "s4-web",
            "sub": self.account_id,
            "jti": self.letter_id,
            "grid": self.grid_id,
            "ref": self.claim_ref,
            "iat": now,
            "exp": now + 7 * 24 * 3600,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key or self._site.letter_key, algorithm="EdDSA")

    def sign_in_link(self, key: Ed25519PrivateKey | None = None, **claims: Any) -> str:
        """The token of a letter for signing in; each is another letter."""
        now = int(self._site.clock.now().timestamp())
        sign_in = {"aud": "s4-web-sign-in", "jti": new_id(), "grid": None, "ref": None, "exp": now + 1800}
        return self.link(key, **{**sign_in, **claims})

    def has_account(self, **changed: Any) -> None:
        """Billing knows the account, and tells of it like this."""
        self._site.billing.accounts[self.account_id] = an_account(self.account_id, self.signup_id, **changed)

    async def gets_a_grid(self) -> None:
        """All that happens between the payment and the letter."""
        told: list[Event] = [self.paid()]
        for step in STEPS:
            told += [self.progressed(step, "started"), self.progressed(step, "done", 1.5)]
        await self._site.hears(*told, self.ready(), self.furl_issued(), self.letter())
        self._site.provisioner.furls[self.grid_id, self.account_id] = FURL
        self._site.invites.grids.add((self.grid_id, self.account_id))


class RunningSite:
    """What a test holds: the first replica's address, and everything around it."""

    def __init__(self, pool: Pool, settings: Settings, letter_key: Ed25519PrivateKey) -> None:
        self.pool, self.settings, self.letter_key = pool, settings, letter_key
        self.clock = ManualClock(datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC))
        self.billing, self.provisioner, self.invites = PretendBilling(), PretendProvisioner(), PretendInvites()
        self.origin = settings.public_url
        self.session: aiohttp.ClientSession

    async def hears(self, *events: Event) -> None:
        for event in events:
            await deliver(self.pool, routes(), event)

    async def emitted(self) -> list[Event]:
        return await emitted(self.pool)

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608  a table of the test

    async def buyer(self, which: int = -1) -> Buyer:
        """The last (or another) signup made at the site."""
        rows = await self.pool.fetch("SELECT signup_id, account_id FROM signups ORDER BY created_at, signup_id")
        return Buyer(self, rows[which]["signup_id"], rows[which]["account_id"])

    async def an_owner(self, browser: Browser) -> Buyer:
        """The browser's person has signed up, paid and been given a grid."""
        assert (await browser.sign_up()).status == 303
        buyer = await self.buyer()
        await buyer.gets_a_grid()
        return buyer

    async def signs_in(self, browser: Browser, buyer: Buyer, token: str | None = None) -> Page:
        """The link of a letter is opened, and its button pressed."""
        page = await browser.get("/sign-in/link", params={"token": token or buyer.sign_in_link()})
        if page.status != 200:
            return page
        return await browser.post("/sign-in/link", {"csrf": page.value("csrf"), "token": page.value("token")})

    async def a_member(self, browser: Browser, **changed: Any) -> Buyer:
        """The browser's person has a grid and an account, and is signed in."""
        buyer = await self.an_owner(browser)
        buyer.has_account(**changed)
        assert (await self.signs_in(browser, buyer)).status == 303
        return buyer

    def later(self, **by: float) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.clock.advance(timedelta(**by)))

    @asynccontextmanager
    async def replica(self, **changed: Any) -> AsyncIterator[str]:
        """One more process of the service, as far as the wire and the database can tell. Its origin."""
        port = free_port()
        peers = {"billing_url": self.billing.url, "provisioner_url": self.provisioner.url}
        settings = replace(self.settings, **peers, invites_url=self.invites.url, **changed)
        live = Live(self.pool)
        app = build_app(settings, self.pool, self.session, self.clock, live)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await PlainSite(runner, "127.0.0.1", int(self.origin.rpartition(":")[2]) if not changed else port).start()
        listening = asyncio.ensure_future(live.forever())
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    @asynccontextmanager
    async def browser(self, origin: str | None = None) -> AsyncIterator[Browser]:
        async with a_browser(origin or self.origin) as browser:
            yield browser


def settings_of(database: str, letter_key: Ed25519PrivateKey, **changed: Any) -> Settings:
    origin = f"http://127.0.0.1:{free_port()}"
    settings = Settings(
        database_url=Secret(database),
        amqp_url=Secret("amqp://nobody.invalid"),
        deployment="test",
        listen=origin.removeprefix("http://"),
        public_url=origin,
        billing_url="http://127.0.0.1:1",
        billing_token=Secret(BILLING_TOKEN),
        provisioner_url="http://127.0.0.1:1",
        provisioner_token=Secret(PROVISIONER_TOKEN),
        invites_url="http://127.0.0.1:1",
        invites_token=Secret(INVITES_TOKEN),
        cookie_key=Secret("a cookie key of the tests"),
        claim_public_key=public_pem(letter_key),
        stripe_publishable_key="pk_test_published",
        stripe_js_url="https://js.stripe.test/dahlia/stripe.js",
        checkout_origins=["https://checkout.stripe.test"],
        portal_origins=["https://billing.stripe.test"],
        mail_from="letters@s4.example.com",
    )
    return replace(settings, **changed)


@asynccontextmanager
async def running_site(database: str, **changed: Any) -> AsyncIterator[RunningSite]:
    letter_key = Ed25519PrivateKey.generate()
    settings = settings_of(database, letter_key, **changed)
    async with Pool.open(settings.database_url) as pool, aiohttp.ClientSession() as session:
        site = RunningSite(pool, settings, letter_key)
        site.session = session
        async with site.billing.serving(), site.provisioner.serving(), site.invites.serving(), site.replica():
            yield site

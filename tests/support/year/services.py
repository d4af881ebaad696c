"""All four services in this process: each its own database, events over RabbitMQ, letters over SMTP, Stripe's double.

Nothing in them knows that it is tested: they are given a clock, as always. The provisioner's steps are scripted, but
for the one that makes a grid somebody: so the furl is a real one, and no machine boots.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any

import aiohttp
import msgspec

from s4_billing import provisioning
from s4_billing.service import Service
from s4_billing.settings import Settings as BillingSettings
from s4_bus import consume, relay
from s4_devcloud.stripe.server import serving
from s4_notifier.letters import Desk
from s4_notifier.links import Links
from s4_notifier.mailer import Mailer
from s4_notifier.postman import Postman
from s4_notifier.render import Letters
from s4_notifier.rounds import Rounds
from s4_notifier.settings import Settings as NotifierSettings
from s4_provisioner import ports
from s4_provisioner.converge import Converger
from s4_provisioner.fleet.converge import Hosts
from s4_provisioner.http import Furls
from s4_provisioner.http import application as furls_application
from s4_provisioner.lifecycle import Stage
from s4_provisioner.steps import mint_identity
from s4_provisioner.wishes import Wishes
from s4_runtime import Secret, serve
from s4_shop.keys import public_half, signing_key
from s4_shop.ports import free_port
from s4_store import Pool, migrate
from s4_web.app import build_app
from s4_web.live import Live
from s4_web.settings import Settings as WebSettings
from s4_web.views import routes as web_routes
from support.histories.inner_stripe import InnerStripe
from support.histories.inner_stripe import settings as world_settings
from support.mail_sink import PASSWORD, USER, MailSink
from support.provisioner import some_settings, tools_without_aws
from support.scripted_steps import scripted
from support.stripe_double import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET
from support.year.calendar import Calendar

TOKEN = "a token among the services of a year"


class Street(msgspec.Struct, frozen=True, kw_only=True):
    """Where the services are, and what they share."""

    stripe: InnerStripe
    clock: Calendar
    sink: MailSink
    amqp: Secret
    databases: dict[str, str]
    site: str
    billing: str
    webhook: str
    furls: str
    letter_key: str

    @classmethod
    def planned(cls, create_database: Callable[[str], str], amqp_url: str, sink: MailSink) -> "Street":
        """Addresses, databases and a world in which nothing has happened."""
        billing = f"127.0.0.1:{free_port()}"
        stripe = InnerStripe(world_settings(f"127.0.0.1:{free_port()}", f"http://{billing}/stripe/events"))
        return cls(
            stripe=stripe,
            clock=Calendar(stripe),
            sink=sink,
            amqp=Secret(amqp_url),
            databases={name: create_database(name) for name in ("web", "billing", "provisioner", "notifier")},
            site=f"127.0.0.1:{free_port()}",
            billing=billing,
            webhook=f"http://{billing}/stripe/events",
            furls=f"127.0.0.1:{free_port()}",
            letter_key=signing_key(),
        )

    @property
    def origin(self) -> str:
        """The site's address."""
        return f"http://{self.site}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything runs."""
        for name, url in self.databases.items():
            await migrate(url, f"s4_{name}")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(self.stripe.world.settings, self.stripe.world))
            for service in (self._web, self._billing, self._provisioner, self._notifier):
                for work in await service(stack):
                    task = asyncio.create_task(work)
                    stack.push_async_callback(_ended, task)
            yield

    async def _pool(self, name: str, stack: AsyncExitStack) -> Pool:
        return await stack.enter_async_context(Pool.open(self.databases[name], max_size=8))

    async def _web(self, stack: AsyncExitStack) -> list[Coroutine[None, None, None]]:
        pool = await self._pool("web", stack)
        double = self.stripe.world.settings.public_url
        settings = WebSettings(
            **self._common("web"),
            listen=self.site,
            public_url=self.origin,
            billing_url=f"http://{self.billing}",
            billing_token=Secret(TOKEN),
            provisioner_url=f"http://{self.furls}",
            provisioner_token=Secret(TOKEN),
            invites_url="http://127.0.0.1:1",
            invites_token=Secret(TOKEN),
            cookie_key=Secret("a cookie key of the tests"),
            claim_public_key=public_half(self.letter_key),
            stripe_publishable_key=PUBLISHABLE_KEY,
            checkout_origins=[double],
            portal_origins=[double],
            mail_from="hello@s4.example",
        )
        session, live = await stack.enter_async_context(aiohttp.ClientSession()), Live(pool)
        return [
            consume("web", web_routes(), pool, self.amqp),
            relay("web", pool, self.amqp),
            live.forever(),
            serve(build_app(settings, pool, session, self.clock, live), self.site),
        ]

    async def _billing(self, stack: AsyncExitStack) -> list[Coroutine[None, None, None]]:
        settings = BillingSettings(
            **self._common("billing"),
            listen=self.billing,
            service_token=Secret(TOKEN),
            stripe_secret_key=Secret(SECRET_KEY),
            stripe_webhook_secrets=[Secret(WEBHOOK_SECRET)],
            stripe_api_url=self.stripe.world.settings.public_url,
            public_url=self.origin,
            stripe_calls_per_second=1000.0,
        )
        service = await stack.enter_async_context(Service.open(settings, self.clock, Random(1)))
        await service.catalogue.push()
        return [
            consume("billing", provisioning.routes(), service.pool, self.amqp),
            relay("billing", service.pool, self.amqp),
            serve(service.app, self.billing),
            *service.loops(settings, self.clock),
        ]

    async def _provisioner(self, stack: AsyncExitStack) -> list[Coroutine[None, None, None]]:
        pool = await self._pool("provisioner", stack)
        settings = some_settings(
            self.databases["provisioner"], listen=self.furls, service_token=Secret(TOKEN), furl_address_hint=False
        )
        tools = tools_without_aws(settings, self.clock, pool)
        wishes = Wishes(self.clock, tools.fleet, ports.read(settings.grid_ports), settings.kept_at_least)
        steps = {**scripted(), Stage.IDENTITY: mint_identity}
        return [
            consume("provisioner", wishes.routes(), pool, self.amqp),
            relay("provisioner", pool, self.amqp),
            Converger(pool, tools, Random(1), steps).forever(),
            Hosts(pool, tools, Random(2)).forever(),
            serve(furls_application(Furls(pool, tools.seal, settings, self.clock)), self.furls),
        ]

    async def _notifier(self, stack: AsyncExitStack) -> list[Coroutine[None, None, None]]:
        pool = await self._pool("notifier", stack)
        settings = NotifierSettings(
            **self._common("notifier"),
            smtp_host=self.sink.host,
            smtp_port=self.sink.port,
            smtp_user=USER,
            smtp_password=Secret(PASSWORD),
            smtp_ca=self.sink.certificate,
            mail_from="S4 <hello@s4.example>",
            public_url=self.origin,
            claim_private_key=Secret(self.letter_key),
        )
        postman = Postman(
            pool,
            links=Links(settings),
            letters=Letters(settings.mail_from, settings.public_url),
            mailer=Mailer(settings),
            clock=self.clock,
            random=Random(1),
            give_up_after=timedelta(days=4),
        )
        return [
            consume("notifier", Desk(self.clock, settings).routes(), pool, self.amqp),
            relay("notifier", pool, self.amqp),
            Rounds(pool, postman, self.clock, settings.concurrency).forever(),
        ]

    def _common(self, name: str) -> dict[str, Any]:
        return {"database_url": Secret(self.databases[name]), "amqp_url": self.amqp, "deployment": "tests"}


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

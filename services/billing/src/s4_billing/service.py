"""The objects of a running service, wired."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from random import Random

import msgspec
from aiohttp import web

from s4_billing import catalogue, checkouts, customers, deeds
from s4_billing.catalogue import Catalogue
from s4_billing.checkouts import Checkouts
from s4_billing.clerk import Clerk
from s4_billing.commands import Commands
from s4_billing.converge import Converger, every
from s4_billing.customers import Customers
from s4_billing.http import Desk, application
from s4_billing.http_accounts import AccountDesk
from s4_billing.reconcile import Reconciler
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, Readiness
from s4_store import Pool
from s4_stripe.api import StripeApi


class Service(msgspec.Struct, frozen=True):
    """What runs, and what a command line needs of it."""

    pool: Pool
    app: web.Application
    catalogue: Catalogue
    commands: Commands
    converger: Converger
    reconciler: Reconciler
    sync: Sync

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, clock: Clock, random: Random) -> AsyncIterator["Service"]:
        """Connected to the database and ready to call Stripe."""
        plans = catalogue.read(settings.catalogue)
        async with Pool.open(settings.database_url) as pool, StripeApi.open(settings.stripe, clock, random) as api:
            sold = Catalogue(plans, api, tax_extra=settings.stripe_tax)
            known = {customers.KIND: customers.deed(api), checkouts.KIND: checkouts.deed(api), **deeds.all_of(api)}
            commands = Commands(pool, clock, known)
            people = Customers(pool, api, commands, clock, settings.deployment)
            sync = Sync(pool, api, sold, clock, deployment=settings.deployment, grace=settings.grace)
            desk = Checkouts(pool, api, clock, settings, catalogue=sold, commands=commands, customers=people, sync=sync)
            clerk = Clerk(pool, api, settings, catalogue=sold, commands=commands, sync=sync)
            routes = [*Desk(sold, desk, settings).routes(), *AccountDesk(clerk).routes()]
            yield cls(
                pool=pool,
                app=application(pool, settings, clock, routes),
                catalogue=sold,
                commands=commands,
                converger=Converger(pool, api, people, sync, clock, random=random),
                reconciler=Reconciler(pool, api, sync, clock, settings),
                sync=sync,
            )

    def loops(self, settings: Settings, clock: Clock) -> list[Coroutine[None, None, None]]:
        """What runs for as long as the service does."""
        return [
            self.converger.forever(),
            every("catalogue", settings.catalogue_every, self.catalogue.check, clock),
            every("commands", settings.settle_every, self.commands.settle, clock),
            every("reconcile", settings.reconcile_every, self.reconciler.turn, clock),
        ]

    def readiness(self, bus: Readiness) -> Readiness:
        """What holds the service back, and how plans differ from Stripe: shown, but no reason to turn webhooks away."""

        async def flags() -> dict[str, bool]:
            differ = {f"{plan}: {text}": True for plan, texts in self.catalogue.wrong.items() for text in texts}
            return {**await bus(), **differ}

        return flags

"""The objects of a running service, wired."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import msgspec
from aiohttp import web

from s4_billing import addresses, cancelling, catalogue, checkouts, customers, deeds, refunds
from s4_billing.catalogue import Catalogue
from s4_billing.checkouts import Checkouts
from s4_billing.clerk import Clerk
from s4_billing.commands import Commands
from s4_billing.converge import Converger, every
from s4_billing.customers import Customers
from s4_billing.due import Due
from s4_billing.http import STATUS, Desk, application
from s4_billing.http_accounts import AccountDesk
from s4_billing.look import Looker
from s4_billing.operator.app import Desk as OperatorDesk
from s4_billing.operator.app import application as operator_application
from s4_billing.operator.refunds import Refunds
from s4_billing.reconcile.events import MissedEvents
from s4_billing.reconcile.hourly import Overdue
from s4_billing.reconcile.nightly import Everything
from s4_billing.settings import Settings
from s4_billing.sync import Sync
from s4_runtime import Clock, Readiness, serve
from s4_store import Pool
from s4_stripe.api import StripeApi


class Service(msgspec.Struct, frozen=True):
    """What runs, and what a command line needs of it."""

    pool: Pool
    app: web.Application
    operator_app: web.Application
    catalogue: Catalogue
    commands: Commands
    converger: Converger
    due: Due
    reconciler: MissedEvents
    overdue: Overdue
    everything: Everything
    sync: Sync

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, clock: Clock, random: Random) -> AsyncIterator["Service"]:
        """Connected to the database and ready to call Stripe."""
        plans = catalogue.read(settings.catalogue)
        async with Pool.open(settings.database_url) as pool, StripeApi.open(settings.stripe, clock, random) as api:
            sold = Catalogue(plans, api, tax_extra=settings.stripe_tax)
            known = {
                customers.KIND: customers.deed(api, clock),
                checkouts.KIND: checkouts.deed(api),
                **deeds.all_of(api),
            }
            known |= {cancelling.KIND: cancelling.deed(api), refunds.KIND: refunds.deed(api)}
            known[addresses.KIND] = addresses.deed(pool, api, clock)
            commands = Commands(pool, clock, known)
            people = Customers(pool, api, commands, clock, settings.deployment)
            looker = Looker(pool, api, settings.deployment)
            sync = Sync(pool, looker, commands, sold, clock, policy=settings.policy)
            desk = Checkouts(pool, api, clock, settings, catalogue=sold, commands=commands, customers=people, sync=sync)
            clerk = Clerk(pool, api, settings, catalogue=sold, commands=commands, sync=sync)
            routes = [*Desk(sold, desk, settings).routes(), *AccountDesk(clerk, clock).routes()]
            back = Refunds(pool, commands, sync, clock, settings.refund_limit)
            everything = Everything(pool, api, sync, catalogue=sold, customers=people, clock=clock, settings=settings)
            yield cls(
                pool=pool,
                app=application(pool, settings, clock, routes),
                operator_app=operator_application(OperatorDesk(pool, sync, everything, back, clock), settings, STATUS),
                catalogue=sold,
                commands=commands,
                converger=Converger(pool, api, people, sync, clock, random=random),
                due=Due(pool, sync, clock),
                reconciler=MissedEvents(pool, api, sync, clock, settings),
                overdue=Overdue(pool, sync, commands, clock, settings),
                everything=everything,
                sync=sync,
            )

    def loops(self, settings: Settings, clock: Clock) -> list[Coroutine[None, None, None]]:
        """What runs for as long as the service does."""
        return [
            self.converger.forever(),
            self.due.forever(),
            serve(self.operator_app, settings.operator_listen, name="operator"),
            every("catalogue", settings.catalogue_every, self.catalogue.check, clock),
            every("commands", settings.settle_every, partial(self.commands.settle, self.sync.account), clock),
            every("reconcile", settings.reconcile_every, self.reconciler.turn, clock),
            every("reconcile-hourly", settings.reconcile_every, self.overdue.turn, clock),
            every("reconcile-nightly", settings.reconcile_every, self.everything.turn, clock),
        ]

    def readiness(self, bus: Readiness) -> Readiness:
        """What holds the service back, and how plans differ from Stripe: shown, but no reason to turn webhooks away."""

        async def flags() -> dict[str, bool]:
            differ = {f"{plan}: {text}": True for plan, texts in self.catalogue.wrong.items() for text in texts}
            return {**await bus(), **differ}

        return flags

"""One account at Stripe: all calls that S4 makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

import aiohttp
import stripe

from s4_runtime import Clock
from s4_stripe.access import Access
from s4_stripe.caller import Transport
from s4_stripe.catalogue import Catalogue
from s4_stripe.checkout import Checkout
from s4_stripe.customers import Customers
from s4_stripe.events import Events
from s4_stripe.invoices import Invoices
from s4_stripe.money_back import MoneyBack
from s4_stripe.subscriptions import Subscriptions

API_VERSION = "2026-10-28.endive"  # what facts.py is written for; a test holds it equal to the SDK's own


class StripeApi(Catalogue, Checkout, Customers, Events, Invoices, MoneyBack, Subscriptions):
    """The calls, grouped by what they are about in the modules that are named above."""

    @classmethod
    @asynccontextmanager
    async def open(cls, access: Access, clock: Clock, random: Random) -> AsyncIterator["StripeApi"]:
        """Have a connection pool to Stripe, or to what stands in its place."""
        stripe.enable_telemetry = False
        timeout = aiohttp.ClientTimeout(total=access.timeout.total_seconds(), connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = stripe.StripeClient(
                access.secret_key.reveal(),
                stripe_version=API_VERSION,
                base_addresses={"api": access.api_url} if access.api_url else None,
                http_client=Transport(timeout=cast("Any", timeout), session=session),
                max_network_retries=0,
            )
            yield cls(client, clock, random, access.per_second)

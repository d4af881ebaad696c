"""What the operators' answers are made with."""

import msgspec
from aiohttp import ClientSession

from s4_runtime import Clock, Secret, ServiceClient
from s4_store import Pool
from s4_support.settings import Settings


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The database, the broker as operators may use it, and billing, which knows whose an id of Stripe's is."""

    pool: Pool
    clock: Clock
    settings: Settings
    amqp_url: Secret
    billing: ServiceClient | None


def tools_of(settings: Settings, pool: Pool, session: ClientSession, clock: Clock) -> Tools:
    """The tools as settings say."""
    token = settings.billing_operator_token
    return Tools(
        pool=pool,
        clock=clock,
        settings=settings,
        amqp_url=settings.operator_amqp_url or settings.amqp_url,
        billing=ServiceClient("billing", settings.billing_operator_url, token, session) if token else None,
    )

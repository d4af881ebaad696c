"""Putting the agent together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

import aiohttp

from s4_invites.converge import Agent
from s4_invites.furls import Furls
from s4_invites.metrics import LastHeard
from s4_invites.sealing import Seal
from s4_invites.session import Tools
from s4_invites.settings import Settings
from s4_runtime import Backoff, Clock, ServiceClient, peers
from s4_store import Pool

_BACKOFF = Backoff(base=timedelta(milliseconds=500), cap=timedelta(seconds=30))

# A mailbox server writes to its disk for each that enters; with all at once none would be answered in time.
_AT_ONCE = 20


@asynccontextmanager
async def agent(
    pool: Pool, seal: Seal, settings: Settings, clock: Clock, random: Random, *, backoff: Backoff = _BACKOFF
) -> AsyncIterator[Agent]:
    """One replica, with its connections to others."""
    everyone = aiohttp.TCPConnector(limit=0)  # each open invite has a connection of its own
    async with aiohttp.ClientSession(connector=everyone) as mailboxes, peers() as calls:
        provisioner = ServiceClient("provisioner", settings.provisioner_url, settings.provisioner_token, calls)
        tools = Tools(
            pool=pool,
            seal=seal,
            furls=Furls(pool, provisioner),
            http=mailboxes,
            mailbox_url=settings.mailbox_url,
            backoff=backoff,
            clock=clock,
            random=random,
            heard=LastHeard(),
            patience=settings.handshake_patience,
            entrance=asyncio.Semaphore(_AT_ONCE),
        )
        yield Agent(tools, lease=settings.lease, most=settings.most_held)

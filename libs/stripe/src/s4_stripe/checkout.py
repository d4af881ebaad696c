"""Ways to pay, and the portal."""

from collections.abc import AsyncIterator

from s4_stripe.caller import Caller, Params, keyed, unchecked
from s4_stripe.facts import PortalSession, Session


class Checkout(Caller):
    """Checkout sessions and portal sessions."""

    async def create_session(self, params: Params, key: str) -> Session:
        """A checkout session; the same key gives the same one, as it was when it was made."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.create_async(unchecked(params), keyed(key)))

    async def session(self, session: str) -> Session:
        """The session as it is now. Raises NotAtStripe."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.retrieve_async(session))

    async def expire_session(self, session: str) -> Session:
        """Nobody can pay by this session any more. Raises StripeRejected when it is not open."""
        return await self._ask(Session, lambda: self._v1.checkout.sessions.expire_async(session))

    async def sessions_of(self, customer: str) -> AsyncIterator[Session]:
        """All sessions of a customer, newest first."""
        async for found in self._pages(Session, self._v1.checkout.sessions.list_async, {"customer": customer}):
            yield found

    async def create_portal(self, params: Params) -> PortalSession:
        """A way into the portal, for one click."""
        return await self._ask(PortalSession, lambda: self._v1.billing_portal.sessions.create_async(unchecked(params)))

"""What has happened, as Stripe lists it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from s4_stripe.caller import Caller
from s4_stripe.deliveries import occurrence
from s4_stripe.facts import Occurrence


class Events(Caller):
    """The list of events. Stripe keeps 30 days."""

    async def events_since(self, moment: datetime, *, undelivered: bool = False) -> AsyncIterator[Occurrence]:
        """What has happened since, newest first; only what could not be delivered, if so asked."""
        params: dict[str, object] = {"created": {"gte": int(moment.timestamp())}}
        if undelivered:
            params["delivery_success"] = False
        async for found in self._pages(dict[str, Any], self._v1.events.list_async, params):
            if (known := occurrence(found)) is not None:
                yield known

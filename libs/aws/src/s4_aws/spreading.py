"""How far changes of DNS have come; many that were made together are asked about once."""

import asyncio
from typing import Any

from s4_aws.trouble import aws_errors
from s4_runtime import Clock, SystemClock

_REMEMBERED = 1000
_AGAIN_SECONDS = 1.0  # a change takes up to a minute (Route 53 API, ChangeResourceRecordSets)


class Spreading:
    """What Route 53 said of changes. One that is everywhere stays so."""

    def __init__(self, route53: Any, clock: Clock | None = None) -> None:
        self._route53 = route53
        self._clock = clock or SystemClock()
        self._asking = asyncio.Lock()
        self._said: dict[str, tuple[bool | None, float]] = {}

    async def is_everywhere(self, change: str) -> bool | None:
        """Whether all name servers answer with the change; None when nobody knows of it any more."""
        async with self._asking:
            said, at = self._said.get(change, (False, float("-inf")))
            if not said and self._clock.monotonic() - at >= _AGAIN_SECONDS:
                said = await self._ask(change)
                self._said.pop(change, None)
                self._said[change] = (said, self._clock.monotonic())
                while len(self._said) > _REMEMBERED:
                    del self._said[next(iter(self._said))]
            return said

    async def _ask(self, change: str) -> bool | None:
        with aws_errors("NoSuchChange"):
            answer = await self._route53.get_change(Id=change)
            return bool(answer["ChangeInfo"]["Status"] == "INSYNC")
        return None

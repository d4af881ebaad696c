"""No faster than AWS allows: who would be throttled waits for a turn first, and who was throttled makes all slower."""

import asyncio

from prometheus_client import Counter, Gauge, Histogram

from s4_aws.rates import Rate, rate_of
from s4_aws.trouble import OutOfTime, as_seconds
from s4_runtime import Clock

WAITED = Histogram(
    "s4_aws_wait_seconds",
    "Time for which calls waited for their turn before AWS was asked.",
    ["service", "region"],
    buckets=(0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60),
)
THROTTLED = Counter(
    "s4_aws_throttled_total", "Answers by which AWS asked us to slow down.", ["service", "action", "region"]
)
IMPATIENT = Counter(
    "s4_aws_impatient_total", "Calls not made: their turn was too far for their caller.", ["service", "region"]
)
SHARE = Gauge("s4_aws_pace_ratio", "The part of the documented rate that is used now.", ["service", "region"])

_LEAST = 1 / 64
_REGAINED_PER_SECOND = 1 / 120  # from half to the whole in a minute
_ROUND_SECONDS = 1.0  # answers to what was sent before the last one slowed us down say nothing new


class _Turns:
    """One token bucket, whose rate gets less with each throttling answer and comes back with time."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = rate.burst
        self._ratio = 1.0
        self._counted_at = clock.monotonic()
        self._slowed_at = float("-inf")
        self._ahead = 0.0  # tokens that those who wait will take
        self._line = asyncio.Lock()

    @property
    def ratio(self) -> float:
        """The part of the rate that is used now."""
        self._count()
        return self._ratio

    async def take(self, tokens: float, patience: float) -> None:
        """It is the caller's turn. Raises OutOfTime, at once if that can be known."""
        latest = self._clock.monotonic() + patience
        self._count()
        self._may_wait((self._ahead + tokens - self._tokens) / self._speed, latest)
        self._ahead += tokens
        try:
            async with self._line:
                while (wait := self._wait_for(tokens)) > 0:
                    self._may_wait(wait, latest)
                    await self._clock.sleep(wait)
                self._tokens -= tokens
        finally:
            self._ahead -= tokens

    def slow_down(self) -> None:
        """Half as fast from now on, and nothing at once."""
        self._count()
        self._tokens = min(self._tokens, 0.0)
        if self._clock.monotonic() - self._slowed_at >= _ROUND_SECONDS:
            self._slowed_at = self._clock.monotonic()
            self._ratio = max(_LEAST, self._ratio / 2)

    def _wait_for(self, tokens: float) -> float:
        """Seconds until so many tokens are there; a full bucket lends what is missing to more than that."""
        self._count()
        return max(0.0, min(tokens, self._rate.burst) - self._tokens) / self._speed

    @property
    def _speed(self) -> float:
        """Tokens a second."""
        return self._rate.per_second * self._ratio

    def _may_wait(self, wait: float, latest: float) -> None:
        if self._clock.monotonic() + wait > latest:
            raise OutOfTime("aws-turn-too-far", retry_after=as_seconds(wait))

    def _count(self) -> None:
        passed = self._clock.monotonic() - self._counted_at
        self._counted_at += passed
        self._tokens = min(self._rate.burst, self._tokens + passed * self._rate.per_second * self._ratio)
        self._ratio = min(1.0, self._ratio + passed * _REGAINED_PER_SECOND)


class Pace:
    """Turns for every action in every region of one account: those that AWS documents, times ``share``."""

    def __init__(self, clock: Clock, share: float = 0.8) -> None:
        self._clock = clock
        self._share = share
        self._turns: dict[tuple[str, str, str], _Turns] = {}

    async def take(self, service: str, action: str, region: str, patience: float) -> None:
        """The call may be made now. Raises OutOfTime if its turn comes later than ``patience`` seconds from now."""
        await self._take(self._of(service, action, region), service, region, 1, patience)

    async def take_some(self, name: str, rate: Rate, tokens: float, patience: float) -> None:
        """The same for what AWS counts by something else than calls."""
        await self._take(self._turns_at((name, "", ""), rate), name, "", tokens, patience)

    def throttled(self, service: str, action: str, region: str) -> None:
        """AWS asked us to slow down: the next calls of this action, or of its whole service, are fewer."""
        THROTTLED.labels(service, action, region).inc()
        turns = self._of(service, action, region)
        turns.slow_down()
        SHARE.labels(service, region).set(turns.ratio)

    def ratio(self, service: str, action: str, region: str) -> float:
        """The part of the rate that this action uses now."""
        return self._of(service, action, region).ratio

    async def _take(self, turns: _Turns, service: str, region: str, tokens: float, patience: float) -> None:
        began = self._clock.monotonic()
        try:
            await turns.take(tokens, patience)
        except OutOfTime:
            IMPATIENT.labels(service, region).inc()
            raise
        WAITED.labels(service, region).observe(self._clock.monotonic() - began)
        SHARE.labels(service, region).set(turns.ratio)

    def _of(self, service: str, action: str, region: str) -> _Turns:
        rate = rate_of(service, action)
        return self._turns_at((service, region, action if rate.scope == "action" else ""), rate)

    def _turns_at(self, key: tuple[str, str, str], rate: Rate) -> _Turns:
        if key not in self._turns:
            used = Rate(max(1.0, rate.burst * self._share), rate.per_second * self._share, rate.scope)
            self._turns[key] = _Turns(used, self._clock)
        return self._turns[key]

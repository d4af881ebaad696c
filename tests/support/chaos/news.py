"""What billing tells of one customer, in an order that no bus promises, and what must have come of it in the end."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from s4_contracts import Event
from s4_provisioner.lifecycle import Stage
from s4_provisioner.names import grid_of_signup
from s4_runtime import Clock
from support.provisioner import a_payment
from support.subscriptions import Subscription

KEPT = timedelta(hours=1)
PLANS = ("personal", "studio")  # on hosts of their own, and on shared ones
_ENDS = {"suspended": Stage.SUSPENDED, "resumed": Stage.READY, "ended": Stage.ABSENT}


class Customer:
    """One subscription with its whole life, thought out before it begins."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self._subscription = Subscription(a_payment(), clock)
        self.payment = self._subscription.payment
        self.grid_id = grid_of_signup(self.payment.signup_id)
        kinds = random.choices(["suspended", "resumed", "changed", "disputed", "cleared"], k=random.randrange(5))
        kinds += ["ended"] * (random.random() < 0.4) + ["cleared"] * (random.random() < 0.3)
        self._plan, self._quota = "personal", self.payment.quota_bytes
        told = [self.payment, *(self._event(kind, random) for kind in kinds)]
        self.told: Sequence[Event] = told + random.choices(told, k=random.randrange(3))
        self._kinds = kinds

    def _event(self, kind: str, random: Random) -> Event:
        if kind == "ended":
            return self._subscription.ended(kept=KEPT)
        if kind == "changed":
            self._plan, self._quota = random.choice(PLANS), random.choice([10**11, 4 * 10**12])
            return self._subscription.changed(self._plan, self._quota)
        event: Event = getattr(self._subscription, kind)()
        return event

    @property
    def plan(self) -> str:
        """The plan of the last word."""
        return self._plan

    @property
    def quota_bytes(self) -> int | None:
        """How much the plan holds."""
        return self._quota

    @property
    def end(self) -> Stage:
        """Where the grid rests, once the time has passed for which a grid is kept."""
        said = [kind for kind in self._kinds if kind in _ENDS]
        contested = [kind == "disputed" for kind in self._kinds if kind in {"disputed", "cleared"}]
        end = _ENDS[said[-1]] if said else Stage.READY
        return Stage.SUSPENDED if end is Stage.ABSENT and any(contested[-1:]) else end

"""How many calls there were, how fast they may come, and how long each takes."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from s4_devcloud.aws.calls import Call

Clock = Callable[[], float]
COUNTED = ("calls", "throttled")


@dataclass
class Rate:
    """A token bucket that all fitting calls share: `burst` at once, then `per_second`."""

    action: str
    per_second: float
    burst: float
    _left: float = field(default=-1.0, repr=False)
    _at: float = field(default=0.0, repr=False)

    def described(self) -> dict[str, Any]:
        """Without what is left of it."""
        return {"action": self.action, "per_second": self.per_second, "burst": self.burst}

    def take(self, now: float) -> bool:
        """One call is let through, or not."""
        self._left = self.burst if self._left < 0 else min(self.burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True)
class Latency:
    """A fitting call takes `seconds` longer, and up to `jitter` more."""

    action: str
    seconds: float
    jitter: float = 0.0


class Traffic:
    """Counts, rates and latencies of the API; the control API reads and sets them."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._counts: dict[str, Counter[str]] = {}
        self._rates: dict[str, Rate] = {}
        self._latencies: dict[str, Latency] = {}

    def admit(self, call: Call) -> bool:
        """The call is within every rate that fits it; it is counted either way."""
        with self._lock:
            now = self._clock()
            fitting = [rate for rate in self._rates.values() if call.fits(rate.action)]
            admitted = False not in {rate.take(now) for rate in fitting}  # each of them counts it
            counted = self._counts.setdefault(call.name, Counter())
            counted["calls"] += 1
            counted["throttled"] += not admitted
        return admitted

    def delay(self, call: Call) -> float:
        """The seconds that this call takes longer."""
        with self._lock:
            fitting = [latency for latency in self._latencies.values() if call.fits(latency.action)]
        return sum(latency.seconds + random.random() * latency.jitter for latency in fitting)  # noqa: S311  no secret

    def set_rate(self, rate: Rate | None, action: str) -> None:
        """From now on, or no more."""
        with self._lock:
            self._rates.pop(action, None)
            if rate is not None:
                self._rates[action] = rate

    def set_latency(self, latency: Latency | None, action: str) -> None:
        """From now on, or no more."""
        with self._lock:
            self._latencies.pop(action, None)
            if latency is not None:
                self._latencies[action] = latency

    def calls(self) -> dict[str, Any]:
        """The calls since the last `forget`, by service and action."""
        with self._lock:
            found = {name: {kind: counted[kind] for kind in COUNTED} for name, counted in self._counts.items()}
        total = sum(counted["calls"] for counted in found.values())
        return {"calls": dict(sorted(found.items())), "total": total}

    def forget(self) -> None:
        """Nothing was called."""
        with self._lock:
            self._counts.clear()

    def settings(self) -> dict[str, Any]:
        """The rates and latencies in JSON form."""
        with self._lock:
            rates = [each.described() for each in self._rates.values()]
            return {"rates": rates, "latency": [asdict(each) for each in self._latencies.values()]}

    def clear(self) -> None:
        """No rate, no latency; what was counted stays."""
        with self._lock:
            self._rates.clear()
            self._latencies.clear()

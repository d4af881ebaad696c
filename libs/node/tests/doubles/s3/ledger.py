"""What was asked of the double: one line for each request, and sums by operation."""

import time
from collections import deque
from dataclasses import asdict, dataclass, field

from doubles.s3.calls import Call

LONGEST = 200_000  # requests remembered one by one; the sums go on


@dataclass
class Line:
    """One request. `received` and `sent` are bytes of bodies; `headers` those that decide something."""

    number: int
    operation: str
    bucket: str
    key: str
    status: int = 0
    code: str = ""
    received: int = 0
    sent: int = 0
    seconds: float = 0.0
    fault: str = ""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Sum:
    """What one operation came to."""

    requests: int = 0
    errors: int = 0  # answers from 400 on, and those that were cut off
    received: int = 0
    sent: int = 0
    seconds: float = 0.0
    at_once: int = 0  # now
    most_at_once: int = 0


REMEMBERED = ("range", "if-match", "if-none-match", "content-length", "x-amz-content-sha256", "user-agent", "host")


class Ledger:
    """Counts from the last `clear`."""

    def __init__(self) -> None:
        self._clock = time.perf_counter
        self._at_once: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        self.lines: deque[Line] = deque(maxlen=LONGEST)
        self.sums: dict[str, Sum] = {}
        self._number = 0

    def sum(self, operation: str) -> Sum:
        return self.sums.setdefault(operation, Sum())

    def begin(self, call: Call) -> tuple[Line, float]:
        self._number += 1
        line = Line(self._number, call.operation, call.bucket, call.key, query=call.query)
        for name, value in call.headers.items():
            lower = name.lower()
            if lower in REMEMBERED or (lower.startswith("x-amz-") and "token" not in lower):
                line.headers[lower] = value
        for name in (call.operation, "*"):
            self._at_once[name] = now = self._at_once.get(name, 0) + 1
            one = self.sum(name)
            one.requests += 1
            one.most_at_once = max(one.most_at_once, now)
        self.lines.append(line)
        return line, self._clock()

    def end(self, line: Line, began: float) -> None:
        line.seconds = self._clock() - began
        for name in (line.operation, "*"):
            self._at_once[name] -= 1
            one = self.sum(name)
            one.errors += line.status >= 400 or line.status == 0
            one.received += line.received
            one.sent += line.sent
            one.seconds += line.seconds

    def told(self) -> dict[str, dict[str, float]]:
        for name, now in self._at_once.items():
            self.sum(name).at_once = now
        return {name: asdict(one) for name, one in self.sums.items()}

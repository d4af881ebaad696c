"""What customers meet, before a release and after it, as Prometheus saw it."""

import http.client
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from s4_ops.deploy.kubectl import Kubectl
from s4_runtime import Permanent, Temporary

LAG = timedelta(minutes=5)  # a furl that is not there so long after the payment is late
OBSERVERS = "/api/v1/namespaces/s4-observability/services/prometheus:9090/proxy"
_PATIENCE = 20.0  # seconds, for one answer
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Seen:
    """What happened in a span. `due` are payments whose furl should have been given out in it."""

    requests: float = 0
    broken: float = 0
    parked: float = 0
    failed_grids: float = 0
    due: float = 0
    furls: float = 0


_COUNTED = {
    "requests": ("s4_http_requests_total", 'listener="http"'),
    "broken": ("s4_http_requests_total", 'listener="http",status=~"5.*"'),
    "parked": ("s4_bus_parked_total", ""),
    "failed_grids": ("provisioner_grids_failed_total", ""),
    "due": ("s4_funnel_total", 'step="paid"'),
    "furls": ("s4_funnel_total", 'step="furl-issued"'),
}


class Prometheus:
    """The counters of one namespace. Raises Temporary when nobody answers."""

    def __init__(self, ask: Ask, namespace: str) -> None:
        self._ask, self._namespace = ask, namespace

    @classmethod
    def at(cls, url: str, namespace: str) -> "Prometheus":
        """At this address."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Permanent("not-a-prometheus-address", given=url[:80])
        line = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return cls(
            lambda path: _fetched(line(parts.netloc, timeout=_PATIENCE), parts.path.rstrip("/") + path), namespace
        )

    @classmethod
    def inside(cls, kubectl: Kubectl) -> "Prometheus":
        """The one in the cluster, by way of the API server."""
        return cls(lambda path: kubectl.raw(OBSERVERS + path), kubectl.namespace)

    def seen(self, until: datetime, span: timedelta) -> Seen:
        """What happened in the span that ended then."""
        counts = {}
        for name, (metric, matching) in _COUNTED.items():
            early = min(LAG, span / 2) if name == "due" else timedelta(0)
            counts[name] = self._increase(metric, matching, until - early, span - early)
        return Seen(**counts)

    def is_there(self, now: datetime) -> bool:
        """Whether it knows any target of the namespace, up or down."""
        return self._value(f'count(up{{namespace="{self._namespace}"}}) or vector(0)', now) > 0

    def _increase(self, metric: str, matching: str, until: datetime, span: timedelta) -> float:
        """By how much the counters grew, those included that appeared with their first count in the span."""
        inside = ",".join(filter(None, (f'namespace="{self._namespace}"', matching)))
        seconds = max(1, round(span.total_seconds()))
        one = f"{metric}{{{inside}}}"
        grown = f"(sum(increase({one}[{seconds}s])) or vector(0))"
        appeared = f"(sum(min_over_time({one}[{seconds}s]) unless ({one} offset {seconds}s)) or vector(0))"
        return self._value(f"{grown} + {appeared}", until)

    def _value(self, query: str, at: datetime) -> float:
        told = self._ask(f"/api/v1/query?{urlencode({'query': query, 'time': at.timestamp()})}")
        try:
            result = json.loads(told)["data"]["result"]
            value = float(result[0]["value"][1]) if result else 0.0
        except (ValueError, KeyError, IndexError, TypeError):
            raise Temporary("prometheus-unreadable") from None
        return 0.0 if math.isnan(value) else value


def regressions(before: Seen, after: Seen) -> list[str]:
    """What is worse than before by more than chance; in words for a person."""
    found = []
    usual = before.broken / before.requests if before.requests else 0.0
    ratio = after.broken / after.requests if after.requests else 0.0
    if after.broken >= 5 and ratio > max(0.01, 3 * usual):
        found.append(f"{ratio:.1%} of {after.requests:.0f} requests failed, {usual:.1%} before")
    if after.parked > 2 * before.parked + 0.5:
        found.append(f"{after.parked:.0f} events were parked, {before.parked:.0f} before")
    if after.failed_grids > 2 * before.failed_grids + 0.5:
        found.append(f"{after.failed_grids:.0f} grids failed, {before.failed_grids:.0f} before")
    share = min(1.0, before.furls / before.due) if before.due >= 3 else 1.0
    if after.due >= 3 and after.furls / after.due < share / 2:
        found.append(f"{after.due:.0f} paid and {after.furls:.0f} got a furl")
    return found


def summary(after: Seen) -> str:
    """What was seen, and what was not: nobody who buys is no sign of health."""
    if after.due < 1:
        return (
            f"{after.requests:.0f} requests, {after.broken:.0f} failed; NOBODY BOUGHT: the way to a furl was not seen"
        )
    return f"{after.requests:.0f} requests, {after.broken:.0f} failed; {after.due:.0f} paid, {after.furls:.0f} furls"


def _fetched(line: http.client.HTTPConnection, path: str) -> str:
    try:
        line.request("GET", path)
        answer = line.getresponse()
        told = answer.read().decode()
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        raise Temporary("prometheus-unreachable") from None
    finally:
        line.close()
    if answer.status != 200:
        raise Temporary("prometheus-refused", status=answer.status)
    return told

"""How a service starts, reports and stops."""

from s4_runtime import outages
from s4_runtime.answers import route_of
from s4_runtime.backoff import Backoff
from s4_runtime.client import PeerUnavailable, ServiceClient, peers
from s4_runtime.clock import Clock, SystemClock
from s4_runtime.errors import Permanent, Temporary, Trouble
from s4_runtime.finishing import finishing
from s4_runtime.forever import forever
from s4_runtime.http import correlation_middleware, error_middleware, service_token_middleware
from s4_runtime.ids import derived_id, is_id, new_id
from s4_runtime.listen import AddressTaken, AddressUnusable, split_address
from s4_runtime.logs import Logger, configure, get_logger
from s4_runtime.metrics import LOOP_FAILURES, came_to, last_success
from s4_runtime.money import money
from s4_runtime.probes import Readiness, serve_probes
from s4_runtime.run import run, start
from s4_runtime.secret import Secret
from s4_runtime.serve import serve
from s4_runtime.settings import ServiceSettings, SettingsError, load
from s4_runtime.spans import span

__all__ = [
    "LOOP_FAILURES",
    "AddressTaken",
    "AddressUnusable",
    "Backoff",
    "Clock",
    "Logger",
    "PeerUnavailable",
    "Permanent",
    "Readiness",
    "Secret",
    "ServiceClient",
    "ServiceSettings",
    "SettingsError",
    "SystemClock",
    "Temporary",
    "Trouble",
    "came_to",
    "configure",
    "correlation_middleware",
    "derived_id",
    "error_middleware",
    "finishing",
    "forever",
    "get_logger",
    "is_id",
    "last_success",
    "load",
    "money",
    "new_id",
    "outages",
    "peers",
    "route_of",
    "run",
    "serve",
    "serve_probes",
    "service_token_middleware",
    "span",
    "split_address",
    "start",
]

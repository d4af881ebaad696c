"""Which installation and release a process is of."""

from prometheus_client import Gauge

_INFO = Gauge("s4_service_info", "1, for the installation and the release of this process.", ["deployment", "revision"])


def tell_release(deployment: str, revision: str) -> None:
    """Metrics say it from now on."""
    _INFO.clear()
    _INFO.labels(deployment, revision).set(1)

"""Free loopback ports, below the kernel's own range for outgoing connections so that they stay free."""

import atexit
import secrets
import socket
from collections import deque

_FIRST, _LAST = 20_000, 32_000
_MOST_CLAIMS = 100
_CLAIMS: deque[socket.socket] = deque()
LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """True when a server could bind the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on, and that nobody on this machine who asks here soon gets as well."""
    for _ in range(1_000):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port) and _claimed(port):
            return port
    raise RuntimeError("no-free-port")


def _claimed(port: int) -> bool:
    """True when nobody else has the port in mind. A claim is a name without a file (unix(7)); it ends with us."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0s4-port-{port}")
    except OSError:
        claim.close()
        return False
    _CLAIMS.append(claim)
    if len(_CLAIMS) > _MOST_CLAIMS:
        _CLAIMS.popleft().close()
    return True


@atexit.register
def _give_back() -> None:
    while _CLAIMS:
        _CLAIMS.popleft().close()

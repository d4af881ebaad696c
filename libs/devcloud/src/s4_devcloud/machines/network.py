"""Loopback addresses for machines: a /24 of our own inside 127.0.0.0/8, claimed for as long as we live."""

import hashlib
import ipaddress
import itertools
import socket
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

CLAIM_PORT = 40404  # the claim on a network is a listener on its .1; any unprivileged port would do
FIRST, LAST = 10, 250  # the last byte of a machine's address
WIDE_LOWEST, WIDE_HIGHEST = 16, 60  # the second byte of a wide network
LOWEST, HIGHEST = 64, 120  # the second byte: below 128, because its partner network is 128 higher


class NetworkTaken(Exception):
    """Another local cloud uses this network, or all of them are in use."""


class Network:
    """A claimed 127.A.B.0/24. Every address N has a private partner, 127.(A+128).B.N."""

    def __init__(self, prefix: str, claim: socket.socket) -> None:
        self.prefix = prefix
        self._claim = claim
        self._used: set[str] = set()
        self._next = itertools.cycle(range(FIRST, LAST + 1))
        self._lock = threading.Lock()

    @classmethod
    def claim(cls, wanted: str | None, state: Path) -> "Network":
        """The wanted network, or the first free one in the state folder's own order. Raises NetworkTaken."""
        for prefix in [_prefix_of(wanted)] if wanted else _candidates(state):
            claim = socket.socket()
            try:
                claim.bind((f"{prefix}.1", CLAIM_PORT))
                claim.listen(1)
            except OSError:
                claim.close()
                continue
            return cls(prefix, claim)
        raise NetworkTaken(f"{wanted or 'every network of ours'} is in use by another local cloud")

    def __str__(self) -> str:
        return f"{self.prefix}.0/24"

    def take(self, port: int) -> str:
        """An address that no machine has, and on which nothing else answers at `port`. Raises NetworkTaken."""
        with self._lock:
            for last in itertools.islice(self._next, LAST - FIRST + 1):
                address = f"{self.prefix}.{last}"
                if address not in self._used and _is_free(address, port) and _is_free(partner(address), port):
                    self._used.add(address)
                    return address
        raise NetworkTaken(f"no address of {self} is free at port {port}: is something listening on 0.0.0.0:{port}?")

    def give_back(self, address: str) -> None:
        """The address may be taken again."""
        with self._lock:
            self._used.discard(address)

    def release(self) -> None:
        """Another local cloud may claim the network."""
        self._claim.close()


class WideNetwork:
    """A claimed 127.A.0.0/16, for machines that have no private partner: nothing but ourselves listens there."""

    def __init__(self, second: int, claim: socket.socket) -> None:
        self._second, self._claim = second, claim
        self._free: deque[str] = deque(
            f"127.{second}.{third}.{last}" for third in range(256) for last in range(FIRST, LAST + 1)
        )

    @classmethod
    def claim(cls, wanted: str | None, state: Path) -> "WideNetwork":
        """The wanted network, or the first free one in the state folder's own order. Raises NetworkTaken."""
        seed, total = _seed(state), WIDE_HIGHEST - WIDE_LOWEST + 1
        candidates = [_second_of(wanted)] if wanted else [WIDE_LOWEST + (seed + at) % total for at in range(total)]
        for second in candidates:
            claim = socket.socket()
            try:
                claim.bind((f"127.{second}.0.1", CLAIM_PORT))
                claim.listen(1)
            except OSError:
                claim.close()
                continue
            return cls(second, claim)
        raise NetworkTaken(f"{wanted or 'every wide network of ours'} is in use by another local cloud")

    def __str__(self) -> str:
        return f"127.{self._second}.0.0/16"

    def take(self) -> str:
        """An address that no machine has; one that was given back comes last. Raises NetworkTaken."""
        try:
            return self._free.popleft()
        except IndexError:
            raise NetworkTaken(f"no address of {self} is free") from None

    def give_back(self, address: str) -> None:
        """The address may be taken again."""
        self._free.append(address)

    def release(self) -> None:
        """Another local cloud may claim the network."""
        self._claim.close()


def partner(address: str) -> str:
    """Where a machine without a network namespace listens itself; only exposed ports lead there."""
    first, second, third, last = address.split(".")
    return f"{first}.{int(second) + 128}.{third}.{last}"


def _prefix_of(network: str) -> str:
    parsed = ipaddress.ip_network(network)
    second = parsed.network_address.packed[1]
    if parsed.prefixlen != 24 or parsed.network_address.packed[0] != 127 or not second < 128:
        raise NetworkTaken(f"{network} is not a /24 inside 127.0.0.0/9")
    return str(parsed.network_address).rpartition(".")[0]


def _second_of(network: str) -> int:
    parsed = ipaddress.ip_network(network)
    second = parsed.network_address.packed[1]
    if parsed.prefixlen != 16 or parsed.network_address.packed[0] != 127:
        raise NetworkTaken(f"{network} is not a /16 inside 127.0.0.0/8")
    return second


def _seed(state: Path) -> int:
    return int.from_bytes(hashlib.sha256(str(state.resolve()).encode()).digest()[:4])


def _candidates(state: Path) -> Iterator[str]:
    seed = _seed(state)
    total = (HIGHEST - LOWEST + 1) * 256
    for offset in range(total):
        high, low = divmod((seed + offset) % total, 256)
        yield f"127.{LOWEST + high}.{low}"


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True

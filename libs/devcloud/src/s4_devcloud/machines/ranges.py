"""Ports as ranges: a security group may open thousands of them, and a machine listens on few."""

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same ports in order, neighbours taken together."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def of_ports(ports: Iterable[int]) -> Ranges:
    """These ports and no others."""
    return merged((port, port) for port in ports)


def without(ranges: Ranges, ports: Iterable[int]) -> Ranges:
    """All but these ports."""
    left = list(ranges)
    for port in ports:
        halves = [((first, min(last, port - 1)), (max(first, port + 1), last)) for first, last in left]
        left = [part for pair in halves for part in dict.fromkeys(pair) if part[0] <= part[1]]
    return merged(left)


def count(ranges: Ranges) -> int:
    """How many ports there are."""
    return sum(last - first + 1 for first, last in ranges)


def ports_of(ranges: Ranges) -> list[int]:
    """Each of them."""
    return [port for first, last in ranges for port in range(first, last + 1)]


def holds(ranges: Iterable[Iterable[int]], port: int) -> bool:
    """The port is one of them."""
    return any(first <= port <= last for first, last in ranges)

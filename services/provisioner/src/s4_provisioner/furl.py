"""Furls and the locations in them."""

from ipaddress import IPv4Address


def location(name: str, port: int, address: IPv4Address | None) -> str:
    """Where a node says that it is: its name first, then, if given, the host's address as a second hint."""
    return f"tcp:{name}:{port}" + (f",tcp:{address}:{port}" if address else "")


def furl(tub_id: str, where: str, swissnum: str) -> str:
    """A Foolscap URL (Foolscap, "Using FURLs"): who, where, and the unguessable name of what is there."""
    return f"pb://{tub_id}@{where}/{swissnum}"

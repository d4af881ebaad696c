"""Addresses to listen on."""

from s4_runtime.errors import Permanent


class AddressTaken(Permanent):
    """Another program has the port."""


class AddressUnusable(Permanent):
    """The text is not HOST:PORT."""


def split_address(listen: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT" (or "[IPv6]:PORT"). Raises AddressUnusable."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise AddressUnusable("listen-address-unusable", listen=listen)
    return host.strip("[]"), int(port)

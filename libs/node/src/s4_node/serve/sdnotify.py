"""Tells systemd how the service is, where systemd listens (sd_notify(3), the datagram protocol itself)."""

import socket
from collections.abc import Mapping


def notify(environ: Mapping[str, str], message: str) -> bool:
    """Send `message` to the service manager; False when there is none."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # a name in the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(message.encode(), address)
    return True

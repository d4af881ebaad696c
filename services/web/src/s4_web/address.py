"""Addresses: of people's mail, and of people's machines."""

import ipaddress
from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1, as erratum 1690 to RFC 3696 counts it


def email_of(text: str) -> str | None:
    """The address in the form that we keep (domain in lower case and in ASCII), or None when no letter could go there.

    The name before the @ keeps its case, for the receiving server may tell cases apart (RFC 5321, section 2.4).
    """
    if len(text) > LONGEST_EMAIL:
        return None
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    return found.ascii_email


def masked(email: str) -> str:
    """The address as the status page shows it: enough to recognise, too little to learn."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Where the request comes from: the last address that no proxy of ours added to X-Forwarded-For.

    ``forwarded`` holds the header's values; anyone may write it, so it counts only behind a trusted proxy.
    """
    path = [*(part.strip() for value in forwarded for part in value.split(",")), peer or ""]
    while True:
        address = path.pop()
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return "unknown"
        if not path or not any(known in network for network in trusted):
            return address


def neighbourhood(address: str) -> str:
    """What uses are counted by: one person has one IPv4 address, but all of an IPv6 network of 64 bits (RFC 6177)."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    mapped = known.ipv4_mapped
    return str(mapped or ipaddress.ip_network((known.packed, 64), strict=False))

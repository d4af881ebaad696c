"""Where and with what somebody came, in words that a person recognises and that are too coarse to follow anybody."""

import ipaddress

import msgspec

_NETWORK_BITS = {4: 16, 6: 32}  # what is left names a provider and a region, no household
# The first that is found counts: most programs claim to be older ones too (RFC 9110, section 10.1.5).
_BROWSERS = {
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "a Mac",
    "CrOS": "a Chromebook",
    "Linux": "Linux",
}


class Trace(msgspec.Struct, frozen=True):
    """All that is kept of a request: a kind of browser, and a large network."""

    browser: str
    place: str


def browser_words(user_agent: str) -> str:
    """The family of the browser and of its system; never its version."""
    browser = next((words for mark, words in _BROWSERS.items() if mark in user_agent), "Another program")
    system = next((words for mark, words in _SYSTEMS.items() if mark in user_agent), None)
    return f"{browser} on {system}" if system else browser


def place_words(address: str) -> str:
    """The network that the address is in: the first half of an IPv4 address, the first quarter of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address.partition("/")[0])
    except ValueError:
        return "an unknown network"
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    network = ipaddress.ip_network((known.packed, _NETWORK_BITS[known.version]), strict=False)
    first = str(network.network_address)
    return f"{first.removesuffix('.0.0')}.*.*" if known.version == 4 else f"{first}/32"

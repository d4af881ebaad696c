"""Tahoe-LAFS' own node classes, without what S4 has no use for.

The names used here are private to Tahoe-LAFS 1.20.0, which is why the distribution pins it.
"""

from collections.abc import Callable
from pathlib import Path

from allmydata import client, node
from allmydata.introducer.client import IntroducerClient
from allmydata.introducer.server import _IntroducerNode
from allmydata.util.i2p_provider import create as create_i2p_provider
from allmydata.util.tor_provider import create as create_tor_provider
from foolscap.furl import decode_furl, encode_furl
from twisted.internet import reactor
from twisted.internet.defer import Deferred


class NoLogPort:
    """A node without the log port: no second key pair, no second listener, no incident files with furls in them."""

    def create_log_tub(self) -> None:
        """Open nothing."""

    def setup_logging(self) -> None:
        """Leave logging as the process has set it up."""


class Introducer(NoLogPort, _IntroducerNode):
    """The stock introducer node."""


class Client(NoLogPort, client._Client):  # noqa: SLF001  create_client_from_config takes a subclass of exactly this
    """The stock client node, which with storage enabled is the storage server."""


class Announcer(IntroducerClient):
    """Announces this storage server and asks for nobody else's announcement.

    A stock node is also a client of its own grid: it would connect to itself and ask for its own version every second.
    """

    def subscribe_to(self, _service: str, _callback: Callable[..., object], *_args: object, **_kwargs: object) -> None:
        """Subscribe to nothing."""


def introducer_node(directory: Path) -> Introducer:
    """What allmydata.introducer.server.create_introducer returns, of the class above."""
    config = node.read_config(
        str(directory),
        "client.port",
        ["introducer.furl"],
        _valid_config=node._common_valid_config(),  # noqa: SLF001  stock Tahoe checks its configuration with exactly this
    )
    i2p, tor = create_i2p_provider(reactor, config), create_tor_provider(reactor, config)
    default_handlers, foolscap_handlers = node.create_connection_handlers(config, i2p, tor)
    options = node.create_tub_options(config)
    tub = node.create_main_tub(config, options, default_handlers, foolscap_handlers, i2p, tor)
    return Introducer(config, tub, i2p, tor)


def storage_node(directory: Path, nearest: Callable[[str], str]) -> "Deferred[Client]":
    """The storage server in `directory`, announcing itself at what `nearest` makes of the introducer's written furl."""
    config = client.read_config(str(directory), "client.port")

    def announcer(tub: object, furl: bytes, *rest: object) -> Announcer:
        return Announcer(tub, nearest(furl.decode("ascii")).encode("ascii"), *rest)

    created: Deferred[Client] = client.create_client_from_config(
        config, _client_factory=Client, _introducer_factory=announcer
    )
    return created


def relocated(furl: str, tub_id: str, hint: str) -> str:
    """The same furl reached at `hint`, when it names an object of `tub_id`; else unchanged.

    The tub id authenticates whoever answers, so a hint may be replaced by a nearer one: a name that does not resolve
    on the node's own machine, or not yet, cannot keep the node from announcing itself.
    """
    owner, _, swissnum = decode_furl(furl)
    return str(encode_furl(owner, [hint], swissnum)) if owner == tub_id else furl

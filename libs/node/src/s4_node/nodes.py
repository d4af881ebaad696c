"""Tahoe-LAFS' own node classes, without what S4 has no use for.

The names used here are private to Tahoe-LAFS 1.20.0, which is why the distribution pins it.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from allmydata import client, node
from allmydata.introducer.client import IntroducerClient
from allmydata.introducer.server import _IntroducerNode
from allmydata.storage_client import ANONYMOUS_STORAGE_NURLS
from allmydata.util.i2p_provider import create as create_i2p_provider
from allmydata.util.time_format import parse_date, parse_duration
from allmydata.util.tor_provider import create as create_tor_provider
from foolscap.furl import decode_furl, encode_furl
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from s4_node.settings import SECTION, StorageSettings, read
from s4_node.storage.expiry import ExpiryRules, rules
from s4_node.storage.server import S3StorageServer
from s4_node.storage.shared import Shared
from s4_node.wire.failures import Failures
from s4_node.wire.foolscap import RemoteStorageServer
from s4_node.wire.http import HTTPStorage, QuietSite
from s4_node.wire.shield import unharmed

SEQUENCE = "announcement-seqnum"


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

    def init_web(self, _webport: str) -> None:
        """Open nothing: this node is no client of a grid, so there is nothing that could be asked of it.

        `tahoe create-node` writes the same web.port into every node's tahoe.cfg.
        """


class S3Client(Client):
    """The storage server whose shares are in a bucket, with this project's own end of both protocols."""

    def __init__(self, settings: StorageSettings, shared: Shared, grid: str, *rest: object) -> None:
        self._s3 = settings, shared, grid
        super().__init__(*rest)

    def get_anonymous_storage_server(self) -> S3StorageServer:
        """The one storage server of this node."""
        try:
            found: S3StorageServer = self.getServiceNamed(S3StorageServer.name)
        except KeyError:
            settings, shared, grid = self._s3
            found = shared.storage_server(
                settings,
                self.nodeid,
                grid=grid,
                readonly=self.config.get_config("storage", "readonly", False, boolean=True),
                expiry=_expiry(self.config),
                stats_provider=self.stats_provider,
            )
            found.setServiceParent(self)
        return found

    def init_storage(self, _announceable: object) -> None:
        """Serve both protocols on the node's one port, and announce that."""
        server = self.get_anonymous_storage_server()
        self.tub.unsafeTracebacks = False  # or a client is sent the stack with each failure
        remote = RemoteStorageServer(server, Failures(reactor, server.objects.grid))
        furl = self.tub.registerReference(remote, furlFile=self.config.get_private_path("storage.furl").encode())
        announcement = {
            "permutation-seed-base32": self._init_permutation_seed(server),
            "anonymous-storage-FURL": furl,
        }
        if hasattr(self.tub.negotiationClass, "add_storage_server"):  # absent with [storage]force_foolscap
            swissnum = decode_furl(furl)[2].encode("ascii")
            self.storage_nurls = self._serve_https(server, swissnum)
            announcement[ANONYMOUS_STORAGE_NURLS] = {nurl.to_text() for nurl in self.storage_nurls}
        for introducer in self.introducer_clients:
            introducer.publish("storage", announcement, self._node_private_key)

    def _serve_https(self, server: S3StorageServer, swissnum: bytes) -> set[Any]:
        """Put our HTTP server where the stock one is, behind the same TLS; the addresses to announce."""
        negotiation = self.tub.negotiationClass
        nurls: set[Any] = negotiation.add_storage_server(server, swissnum)
        negotiation.https_factory.wrappedFactory = QuietSite(HTTPStorage(reactor, server, swissnum).get_resource())
        return nurls


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


def storage_node(
    directory: Path, nearest: Callable[[str], str], shared: Shared, *, grid: str = ""
) -> "Deferred[Client]":
    """The storage server in `directory`, announcing itself at what `nearest` makes of the introducer's written furl.

    Its shares are in the bucket that tahoe.cfg names in the section SECTION; without that section, on the disk.
    Raises BadSettings.
    """
    config = client.read_config(str(directory), "client.port")
    section = config.items(SECTION, None)
    factory = Client if section is None else partial(S3Client, read(dict(section), directory), shared, grid)
    _raise_sequence(config)

    def announcer(tub: object, furl: bytes, *rest: object) -> Announcer:
        return Announcer(tub, nearest(furl.decode("ascii")).encode("ascii"), *rest)

    nodes: list[Client] = []

    def made(*rest: object) -> Client:
        nodes.append(factory(*rest))
        return nodes[0]

    created: Deferred[Client] = client.create_client_from_config(
        config, _client_factory=made, _introducer_factory=announcer
    )
    created.addCallback(lambda node: Deferred.fromCoroutine(_proved(node)))
    return created.addErrback(lambda failure: unharmed(_given_up(nodes)).addCallback(lambda _: failure))


async def _proved(made: Client) -> Client:
    if isinstance(made, S3Client):
        await made.get_anonymous_storage_server().require_conditions()
    return made


async def _given_up(nodes: list[Client]) -> None:
    """What a node that will not be served has of what the process shares is given back."""
    for given_up in nodes:
        server = given_up.namedServices.get(S3StorageServer.name)
        if isinstance(server, S3StorageServer):
            await server.stopService()


def _expiry(config: Any) -> ExpiryRules:
    """The rules of [storage] expire.*, read as the stock client reads them."""

    def setting(name: str, default: object, **how: bool) -> Any:
        return config.get_config("storage", f"expire.{name}", default, **how)

    duration, cutoff = setting("override_lease_duration", None), setting("cutoff_date", None)
    return rules(
        enabled=setting("enabled", False, boolean=True),
        mode=setting("mode", "age"),
        override_lease_duration=None if duration is None else parse_duration(duration),
        cutoff_date=None if cutoff is None else parse_date(cutoff),
        sharetypes=tuple(kind for kind in ("immutable", "mutable") if setting(kind, True, boolean=True)),
    )


def _raise_sequence(config: Any) -> None:
    """What is announced next is newer than whatever the same node has announced anywhere: clients ignore anything else.

    A node that was made again from its identity, elsewhere, has no file with the last number.
    """
    written: bytes = config.get_config_from_file(SEQUENCE) or b""
    last = int(written) if written.isdigit() else 0
    config.write_config_file(SEQUENCE, f"{max(last, int(time.time()))}\n")


def relocated(furl: str, tub_id: str, hint: str) -> str:
    """The same furl reached at `hint`, when it names an object of `tub_id`; else unchanged.

    The tub id authenticates whoever answers, so a hint may be replaced by a nearer one: a name that does not resolve
    on the node's own machine, or not yet, cannot keep the node from announcing itself.
    """
    owner, _, swissnum = decode_furl(furl)
    return str(encode_furl(owner, [hint], swissnum)) if owner == tub_id else furl

"""Each name of Tahoe-LAFS and Foolscap that is no public API and that the node builds on, as the pinned version has it.

A new version that changes one of them fails here, by its name, and not at a customer's.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from allmydata.node import config_from_string
from foolscap.api import Tub
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.server import Site

SOURCES = Path(__file__).parents[2] / "src" / "s4_node"

CALLED = {
    # nodes.py
    "allmydata.client.create_client_from_config": "config, _client_factory, _introducer_factory",
    "allmydata.client.read_config": "basedir, portnumfile, generated_files",
    "allmydata.client._Client": "config, main_tub, i2p_provider, tor_provider, introducer_clients, storage_farm_broker",
    "allmydata.client._Client.get_anonymous_storage_server": "self",
    "allmydata.client._Client.init_web": "self, webport",
    "allmydata.client._Client.init_storage": "self, announceable_storage_servers",
    "allmydata.client._Client._init_permutation_seed": "self, ss",
    "allmydata.client._Client.init_node_key": "self",
    "allmydata.client._Client.get_long_nodeid": "self",
    "allmydata.node.read_config": "basedir, portnumfile, generated_files, _valid_config",
    "allmydata.node._common_valid_config": "",
    "allmydata.node.create_connection_handlers": "config, i2p_provider, tor_provider",
    "allmydata.node.create_tub_options": "config",
    "allmydata.node.create_main_tub": (
        "config, tub_options, default_connection_handlers, foolscap_connection_handlers, i2p_provider, tor_provider, "
        "handler_overrides, cert_filename"
    ),
    "allmydata.node.Node.create_log_tub": "self",
    "allmydata.node.Node.setup_logging": "self",
    "allmydata.introducer.client.IntroducerClient": (
        "tub, introducer_furl, nickname, my_version, oldest_supported, sequencer, cache_filepath"
    ),
    "allmydata.introducer.client.IntroducerClient.subscribe_to": "self, service_name, callback, args, kwargs",
    "allmydata.introducer.client.IntroducerClient.publish": "self, service_name, ann, signing_key",
    "allmydata.introducer.server._IntroducerNode": "config, main_tub, i2p_provider, tor_provider",
    "allmydata.introducer.server.IntroducerService.get_announcements": "self",
    "allmydata.protocol_switch._FoolscapOrHttps.add_storage_server": "storage_server, swissnum",
    "allmydata.util.i2p_provider.create": "reactor, config",
    "allmydata.util.tor_provider.create": "reactor, config, import_tor, import_txtorcon",
    # wire/
    "allmydata.storage.http_server.HTTPServer": "reactor, storage_server, swissnum",
    "allmydata.storage.http_server.HTTPServer.get_resource": "self",
    "allmydata.storage.http_server.HTTPServer._get_version": "self",
    "allmydata.storage.http_server._HTTPError": "code, body",
    "allmydata.storage.http_server._add_error_handling": "app",
    "allmydata.storage.http_server._extract_secrets": "header_values, required_secrets",
    "allmydata.storage.http_common.swissnum_auth_header": "swissnum",
    "allmydata.storage.http_server.read_encoded": "reactor, request, schema, max_size",
    "allmydata.storage.http_server.StorageIndexConverter.to_python": "self, value",
    "allmydata.storage.http_server.UploadsInProgress.add_write_bucket": (
        "self, storage_index, share_number, upload_secret, bucket"
    ),
    "allmydata.storage.http_server.UploadsInProgress.get_write_bucket": (
        "self, storage_index, share_number, upload_secret"
    ),
    "allmydata.storage.http_server.UploadsInProgress.remove_write_bucket": "self, bucket",
    "allmydata.util.cbor.dumps": None,
    # storage/
    "allmydata.storage.server.StorageServer.add_latency": "self, category, latency",
    "allmydata.storage.server.StorageServer.count": "self, name, delta",
    "allmydata.storage.server.StorageServer.get_latencies": "self",
}
THERE = (
    "allmydata.storage.http_common.CBOR_MIME_TYPE",
    "allmydata.storage.http_common.Secrets.WRITE_ENABLER",
    "allmydata.storage.server.DEFAULT_RENEWAL_TIME",
    "allmydata.storage_client.ANONYMOUS_STORAGE_NURLS",
    "allmydata.mutable.layout.MAX_MUTABLE_SHARE_SIZE",
)
# set by constructors, so that only their text can be looked at
SET = {
    "allmydata.client._Client.init_node_key": "self._node_private_key = ",
    "allmydata.client._Client.__init__": "self.introducer_clients = introducer_clients",
    "allmydata.client._Client.init_stats_provider": "self.stats_provider = ",
    "allmydata.protocol_switch._FoolscapOrHttps.add_storage_server": "cls.https_factory = TLSMemoryBIOFactory(",
    "allmydata.storage.http_server.HTTPServer.__init__": "self._uploads = UploadsInProgress()",
    "foolscap.broker.Broker.setTub": "self.unsafeTracebacks = tub.unsafeTracebacks",
    "foolscap.pb.Listener.startService": "self._lp = lp",
}
SCHEMAS = {"allocate_buckets", "advise_corrupt_share", "mutable_read_test_write"}


def named(path: str) -> object:
    """What a dotted path names."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise LookupError(path)


@pytest.mark.parametrize(("path", "parameters"), CALLED.items(), ids=str)
def test_what_is_called_takes_what_it_took(path: str, parameters: str | None) -> None:
    found = named(path)
    assert callable(found)
    if parameters is not None:
        assert ", ".join(inspect.signature(found).parameters) == parameters


@pytest.mark.parametrize("path", THERE)
def test_what_is_used_is_there(path: str) -> None:
    assert named(path) is not None


@pytest.mark.parametrize(("path", "statement"), SET.items(), ids=str)
def test_what_is_read_from_an_object_is_set_where_it_was(path: str, statement: str) -> None:
    found = named(path)
    assert callable(found)
    assert statement in inspect.getsource(found)


def test_the_schemas_of_requests_are_there() -> None:
    schemas = named("allmydata.storage.http_server._SCHEMAS")
    assert isinstance(schemas, dict)
    assert set(schemas) == SCHEMAS


def test_a_tub_sends_stacks_unless_it_is_told_not_to() -> None:
    assert Tub.unsafeTracebacks is True


def test_what_a_tls_factory_wraps_can_be_exchanged() -> None:
    assert "wrappedFactory" in vars(TLSMemoryBIOFactory(CertificateOptions(), False, Site(None)))


def test_any_key_may_be_in_a_plugins_section() -> None:
    config = config_from_string(
        "",
        "client.port",
        "[storageserver.plugins.s4-s3-v1]\nanything = 1\n",
        _valid_config=named("allmydata.client._valid_config")(),  # type: ignore[operator]  # found by its name
    )
    assert config.items("storageserver.plugins.s4-s3-v1", None) == [("anything", "1")]
    assert config.items("storageserver.plugins.another", None) is None


def test_every_private_name_that_is_imported_is_named_here() -> None:
    listed = {path.rpartition(".")[2] for path in (*CALLED, *SET)} | {"_SCHEMAS", "_valid_config"}
    found = set()
    for source in SOURCES.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        for imported in re.findall(r"^from (?:allmydata|foolscap)[\w.]* import (\([^)]*\)|.*)$", text, re.MULTILINE):
            found |= {name for name in re.findall(r"\b_\w+", imported) if "noqa" not in name}
        found |= set(re.findall(r"\b(?:client|node)\.(_[a-zA-Z]\w*)", text))
    assert found <= listed
    assert found

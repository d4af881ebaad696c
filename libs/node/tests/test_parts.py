"""The small parts of the node: the identity against Tahoe-LAFS itself, the unit, redaction, ports, requests."""

import inspect
import json
import os
import socket
import sys
from pathlib import Path

import pytest
from allmydata import client, node
from allmydata.crypto import ed25519
from allmydata.introducer.client import IntroducerClient
from allmydata.introducer.server import _IntroducerNode
from foolscap.api import Tub
from foolscap.furl import decode_furl

from commands import free_port, run
from minting import furl, location, mint_server_key, mint_tub
from s4_node.host import configuration, processes, unit
from s4_node.host.files import write
from s4_node.host.owner import Owner, owner_named
from s4_node.host.rendering import sequence_text
from s4_node.host.supervisors import Service
from s4_node.nodes import relocated
from s4_node.probe.request import BadRequest, parse
from s4_node.redaction import redacted
from s4_node.serve.ports import Listening, PortTaken, listening_of, require_free
from s4_node.serve.sdnotify import notify

ME = Owner(os.geteuid(), os.getegid())


def test_a_minted_tub_is_the_tub_that_foolscap_makes_of_it() -> None:
    minted = mint_tub()
    assert Tub(certData=minted.pem.encode()).tubID == minted.tub_id


def test_a_minted_furl_has_both_hints_in_order() -> None:
    minted = mint_tub()
    tub_id, hints, swissnum = decode_furl(furl(minted, location(4000, "g.example", "127.77.3.11")))
    assert (tub_id, hints) == (minted.tub_id, ["tcp:g.example:4000", "tcp:127.77.3.11:4000"])
    assert len(swissnum) == 32


def test_a_minted_server_key_is_one_that_tahoe_signs_with() -> None:
    private, public = ed25519.signing_keypair_from_string(mint_server_key().strip().encode())
    ed25519.verify_signature(public, ed25519.sign_data(private, b"x"), b"x")


def test_the_private_names_of_tahoe_that_the_node_builds_on_are_still_there() -> None:
    assert list(inspect.signature(client.create_client_from_config).parameters) == [
        "config",
        "_client_factory",
        "_introducer_factory",
    ]
    for owner, name in (
        (node.Node, "create_log_tub"),
        (node.Node, "setup_logging"),
        (_IntroducerNode, "init_introducer"),
        (client._Client, "init_nodemaker"),
        (IntroducerClient, "subscribe_to"),
        (node, "_common_valid_config"),
    ):
        assert callable(getattr(owner, name)), name


def test_a_furl_is_moved_only_when_its_tub_is_the_one_next_door() -> None:
    minted = mint_tub()
    written = furl(minted, location(4000, "g.example"))
    near = relocated(written, minted.tub_id, "tcp:127.0.0.1:4000")
    assert decode_furl(near) == (minted.tub_id, ["tcp:127.0.0.1:4000"], decode_furl(written)[2])
    assert relocated(written, mint_tub().tub_id, "tcp:127.0.0.1:4000") == written


@pytest.mark.parametrize(
    "secret",
    [
        "pb://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@tcp:g.example:4000/swissnumber",
        "pb://hash@g.example:4000/swissnumber#v=1",
        "URI:CHK:aaaa:bbbb:1:1:100",
        "URI:SSK:aaaa:bbbb",
        "priv-v0-aaaabbbb",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA",
    ],
)
def test_a_secret_is_not_logged(secret: str) -> None:
    assert redacted(f"before {secret}") == "before [secret]"


def test_what_is_no_secret_is_logged() -> None:
    assert redacted("cannot listen on 127.0.0.1:4000") == "cannot listen on 127.0.0.1:4000"


def test_the_port_is_read_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "tahoe.cfg").write_text("[node]\ntub.port = tcp:4000:interface=127.77.3.11\n")
    assert listening_of(tmp_path) == Listening(4000, "127.77.3.11")
    (tmp_path / "tahoe.cfg").write_text("[node]\ntub.port = tcp:4000\n")
    assert (listening_of(tmp_path).nearest, str(listening_of(tmp_path))) == ("127.0.0.1", "*:4000")
    (tmp_path / "tahoe.cfg").write_text("[node]\ntub.port = listen:tor\n")
    with pytest.raises(ValueError, match="must be tcp:PORT"):
        listening_of(tmp_path)


def test_a_port_is_free_until_somebody_takes_it() -> None:
    port = free_port()
    require_free(Listening(port, "127.0.0.1"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(PortTaken, match="Address already in use"):
            require_free(Listening(port, ""))


def test_nobody_is_notified_where_there_is_no_service_manager(tmp_path: Path) -> None:
    assert notify({}, "READY=1") is False
    name = f"s4-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        assert notify({"NOTIFY_SOCKET": f"@{name}"}, "READY=1") is True
        assert manager.recv(20) == b"READY=1"


def test_a_running_process_knows_its_ports_and_a_dead_one_has_none() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        assert mine.getsockname()[1] not in processes.listening_ports(os.getpid())
        mine.listen()
        assert mine.getsockname()[1] in processes.listening_ports(os.getpid())
    assert processes.listening_ports(2**22 + 1) == set()
    assert processes.started_at(2**22 + 1) is None
    assert processes.started_at(os.getpid()) == processes.started_at(os.getpid())


@pytest.mark.parametrize(("present", "wanted", "after"), [("5\n", 9, 9), ("9\n", 5, 9), ("junk", 5, 5), (None, 5, 5)])
def test_the_announcement_number_only_rises(tmp_path: Path, present: str | None, wanted: int, after: int) -> None:
    assert int(sequence_text(present, wanted)) == after


def test_a_file_is_replaced_whole_and_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for name in ("file", ".file.new"):
        (tmp_path / name).symlink_to(victim)
    write(tmp_path / "file", "new")
    assert victim.read_text() == "untouched"
    assert (tmp_path / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "victim"]


def test_without_a_name_the_owner_is_whoever_runs_the_command() -> None:
    assert owner_named(None) == ME
    assert owner_named("root") == Owner(0, 0)


def test_the_unit_confines_each_grid_to_its_own_directory() -> None:
    lines = unit.of_grids(configuration.HostConfiguration()).splitlines()
    for line in (
        "Type=notify",
        "User=s4-grid",
        f"ExecStart={sys.prefix}/bin/s4-node run --control /var/lib/s4/grids/%i",
        "Restart=on-failure",
        "MemoryMax=512M",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "NoNewPrivileges=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallFilter=@system-service",
        "TemporaryFileSystem=/var/lib/s4/grids:ro",
        "ReadWritePaths=/var/lib/s4/grids/%i",
    ):
        assert line in lines
    assert unit.instance(Service("run", "0190d3a0", Path())) == "s4-grid@0190d3a0.service"


def test_the_unit_of_a_shard_confines_it_as_much_and_limits_it_as_the_host_says() -> None:
    host = configuration.HostConfiguration(shard_memory_mib=700, shard_cpu_percent=30)
    of_grids, of_shards = unit.of_grids(host).splitlines(), unit.of_shards(host).splitlines()
    confinement = [line for line in of_grids[of_grids.index("LimitNOFILE=16384") :] if "%i" not in line]

    assert set(confinement) <= set(of_shards)
    for line in (
        "User=s4-shard-%i",
        f"ExecStart={sys.prefix}/bin/s4-node shard --cache-mib 175 /var/lib/s4/grids/.shards/%i",
        "MemoryMax=700M",
        "CPUQuota=30%",
        "TemporaryFileSystem=/var/lib/s4/grids:ro",
        "BindPaths=/var/lib/s4/grids/.shards/%i",
        "ReadWritePaths=/var/lib/s4/grids/.shards/%i",
    ):
        assert line in of_shards
    assert unit.instance(Service("shard", "b-2", Path())) == "s4-shard@b-2.service"


def test_without_a_file_the_host_is_a_machine_of_its_own() -> None:
    ours = configuration.HostConfiguration()
    assert (ours.root, ours.supervisor, ours.user) == (Path("/var/lib/s4/grids"), "systemd", "s4-grid")


def test_a_configuration_is_read_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"root": "/x", "supervisor": "process", "bind": "127.77.3.11"}))
    ours = configuration.load({"S4_HOST_CONFIG": str(path)})
    assert (ours.root, ours.supervisor, ours.user, ours.bind) == (Path("/x"), "process", None, "127.77.3.11")
    assert ours.named_by == str(path)


@pytest.mark.parametrize(
    "request_fields",
    [
        {},
        {"furl": 5},
        {"furl": "http://example.com"},
        {"furl": "pb://x@y/z"},
        {"furl": furl(mint_tub(), "tcp:a:1'}\nevil: 1")},
        {"furl": furl(mint_tub(), "tcp:a:1"), "shares": 0},
        {"furl": furl(mint_tub(), "tcp:a:1"), "shares": True},
        {"furl": furl(mint_tub(), "tcp:a:1"), "timeout_seconds": 0},
        {"furl": furl(mint_tub(), "tcp:a:1"), "timeout_seconds": "9"},
        {"furl": furl(mint_tub(), "tcp:a:1"), "more": 1},
    ],
)
def test_a_probe_refuses_what_it_cannot_understand(request_fields: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(json.dumps(request_fields).encode())
    assert "pb://" not in str(refused.value)


def test_a_probe_needs_a_furl_and_nothing_else() -> None:
    request = parse(json.dumps({"furl": furl(mint_tub(), "tcp:a:1")}).encode())
    assert (request.shares, request.timeout_seconds) == (1, 60.0)


def test_the_node_command_says_how_it_is_used_and_what_it_refuses(tmp_path: Path) -> None:
    assert run("s4-node").code == 2
    assert run("s4-node", "probe", body="junk").json == {"ok": False, "code": "bad-request"}
    missing = run("s4-node", "run", str(tmp_path / "missing"))
    assert (missing.code, missing.err.count("\n")) == (1, 1)

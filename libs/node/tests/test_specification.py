"""What `s4-host apply` takes, and that it says which fields are wrong and never what was in them."""

import copy
import json
from typing import Any

import pytest

from commands import GRID_ID
from minting import Grid, furl, location, mint_grid, mint_tub
from s4_node.host.rendering import grid_files
from s4_node.host.specification import Refused, parse, require_grid_id


@pytest.fixture(scope="module")
def grid() -> Grid:
    return mint_grid(GRID_ID, 34561, 34562, "g1.grids.s4.example", "127.77.3.11")


def changed(grid: Grid, path: str, value: object) -> bytes:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    *parents, last = path.split("|")
    target = fields
    for parent in parents:
        target = target[parent]
    target[last] = value
    return json.dumps(fields).encode()


def body(grid: Grid) -> bytes:
    return json.dumps(grid.specification).encode()


def test_a_minted_grid_is_accepted(grid: Grid) -> None:
    wanted = parse(GRID_ID, body(grid))
    assert (wanted.introducer.port, wanted.storage.port) == (34561, 34562)
    assert wanted.introducer_furl == grid.introducer_furl
    assert wanted.wait_seconds == 20
    assert wanted.sequence > 1_700_000_000


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("grid_id", "0190d3a0-0000-7000-8000-000000000002", "grid_id: not the one of the command"),
        ("wait_seconds", -1, "wait_seconds: not from 0 to 300"),
        ("wait_seconds", True, "wait_seconds: not from 0 to 300"),
        ("more", 1, "unknown fields: 1"),
        ("introducer|nickname", "x", "introducer: unknown fields: 1"),
        ("introducer|port", 80, "introducer.port: not from 1024 to 65535"),
        ("introducer|port", "34561", "introducer.port: not from 1024 to 65535"),
        ("storage|port", 34561, "storage.port: the introducer's"),
        ("storage|location", "tcp:a:1\n[storage]", "storage.location: not tcp:HOST:PORT[,tcp:HOST:PORT]"),
        ("storage|location", "tcp:[::1]:5000", "storage.location: not tcp:HOST:PORT[,tcp:HOST:PORT]"),
        ("storage|nickname", "two\nlines", "storage.nickname: not one line of at most 100 characters"),
        ("storage|nickname", "", "storage.nickname: not one line of at most 100 characters"),
        ("storage|quota_bytes", 0, "storage.quota_bytes: neither null nor a number of bytes"),
        ("storage|quota_bytes", "5 GB", "storage.quota_bytes: neither null nor a number of bytes"),
        ("storage|introducer_furl", "pb://secret", "storage.introducer_furl: not the introducer's furl"),
        ("storage|files|announcement-seqnum", "-5", "announcement-seqnum: not in the form of such a file"),
        ("storage|files|private/node.privkey", "priv-v0-short", "node.privkey: not in the form of such a file"),
        ("storage|files|private/node.pem", "no key", "node.pem: not in the form of such a file"),
        ("storage|files|private/node.pem", "x" * 20000, "node.pem: not ASCII text of at most 16384 bytes"),
        ("storage|files|private/storage.furl", 5, "storage.furl: not ASCII text"),
        ("storage|files|../../escape", "x", "storage.files: must be exactly announcement-seqnum, private/node.pem"),
    ],
)
def test_each_wrong_field_is_named(grid: Grid, path: str, value: object, problem: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, changed(grid, path, value))
    assert any(problem in one for one in refused.value.problems), refused.value.problems


def test_all_problems_are_told_at_once_and_no_value_is(grid: Grid) -> None:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    fields["introducer"]["port"] = 1
    fields["storage"]["files"]["private/node.privkey"] = "priv-v0-topsecret"
    fields["priv-v0-asaname"] = 1
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, json.dumps(fields).encode())
    assert len(refused.value.problems) == 3
    assert "secret" not in str(refused.value)
    assert "asaname" not in str(refused.value)


def test_a_furl_of_another_location_than_the_nodes_is_refused(grid: Grid) -> None:
    other = furl(mint_tub(), location(34561, "other.example"))
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, changed(grid, "introducer|files|private/introducer.furl", other))
    assert "or of another location" in refused.value.problems[0]


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff", b'"x"'])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(Refused):
        parse(GRID_ID, junk)


def test_a_grid_id_is_a_uuid_in_lower_case() -> None:
    assert require_grid_id(GRID_ID) == GRID_ID
    with pytest.raises(Refused):
        require_grid_id(GRID_ID.upper())


def test_nothing_secret_is_in_what_a_specification_shows_of_itself(grid: Grid) -> None:
    shown = repr(parse(GRID_ID, body(grid)))
    assert "PRIVATE" not in shown
    assert "pb://" not in shown
    assert "priv-v0" not in shown


def test_the_rendered_files_are_these(grid: Grid) -> None:
    files = grid_files(parse(GRID_ID, changed(grid, "storage|nickname", "S4 50%")), "127.77.3.11")

    assert files["introducer/tahoe.cfg"] == (
        "[node]\n"
        "nickname = introducer\n"
        "web.port =\n"
        "tub.port = tcp:34561:interface=127.77.3.11\n"
        "tub.location = tcp:g1.grids.s4.example:34561,tcp:127.77.3.11:34561\n"
    )
    assert files["storage/tahoe.cfg"] == (
        "[node]\n"
        "nickname = S4 50%%\n"
        "web.port =\n"
        "tub.port = tcp:34562:interface=127.77.3.11\n"
        "tub.location = tcp:g1.grids.s4.example:34562,tcp:127.77.3.11:34562\n"
        "\n[client]\n"
        "\n[storage]\nenabled = true\nanonymous = true\nreserved_space = 512M\nexpire.enabled = false\n"
        "\n[helper]\nenabled = false\n"
    )
    assert files["storage/private/introducers.yaml"] == (
        f"introducers:\n  default:\n    furl: {grid.introducer_furl}\n"
    )
    assert "storage/announcement-seqnum" not in files
    assert sorted(files) == [
        "introducer/private/introducer.furl",
        "introducer/private/node.pem",
        "introducer/tahoe-introducer.tac",
        "introducer/tahoe.cfg",
        "storage/private/introducers.yaml",
        "storage/private/node.pem",
        "storage/private/node.privkey",
        "storage/private/storage.furl",
        "storage/tahoe-client.tac",
        "storage/tahoe.cfg",
    ]


def test_a_machine_of_its_own_listens_on_all_addresses(grid: Grid) -> None:
    files = grid_files(parse(GRID_ID, body(grid)), "")
    assert "tub.port = tcp:34561\n" in files["introducer/tahoe.cfg"]

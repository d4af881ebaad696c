"""`s4-node run`: a grid of two nodes, or one node as stock Tahoe-LAFS makes it; its pages, log and command line."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import eventually, free_port, probe, run
from s4_node.s3.values import Store
from s4_node.serve.control import NobodyServes, ask
from s4_node.serve.places import NoNode, Places, places_of
from s4_node.serve.ports import Listening, listening_of
from support.s3_control import S3Control
from support.serving import LOOPBACK, Serving, lay_out, mint, section


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[list[Serving]]:
    """What a test has started, so that it ends."""
    started: list[Serving] = []
    yield started
    for one in reversed(started):
        one.stop(signal.SIGKILL)


def stock(kind: str, home: Path, *more: str) -> Path:
    """A node directory as `tahoe create-...` makes it."""
    port = free_port()
    words = (f"--port=tcp:{port}:interface={LOOPBACK}", f"--location=tcp:{LOOPBACK}:{port}")
    made = run("tahoe", f"create-{kind}", *words, *more, str(home))
    assert made.code == 0, made
    return home


def test_a_grid_of_two_nodes_stores_in_its_bucket_and_says_how_it_is(
    serving: list[Serving], store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    grid = mint(1)
    lay_out(grid, tmp_path / "grid", section(store))
    served = Serving(["run", str(tmp_path / "grid"), "--label-grids"], tmp_path / "log").start()
    serving.append(served)
    served.until_ready()

    assert probe(grid.introducer_furl).json["ok"] is True

    assert served.get("/healthz") == (200, "ok\n")
    condition = served.conditions()["grid"]
    assert condition["bucket"].pop("seconds_ago") < 60
    assert condition.pop("usage")["objects"] <= 2, "as far as it was counted by then"
    assert condition == {
        "state": "serving",
        "ready": True,
        "listening": True,
        "announced": True,
        "bucket": {"reachable": True, "code": ""},
    }
    assert served.get("/readyz?grid=grid")[0] == 200
    assert served.get("/readyz?grid=another")[0] == 404
    assert served.get("/")[0] == 404
    numbers = served.get("/metrics")[1]
    assert 'outcome="ok"' in numbers
    assert 's4_node_uploads{grid="grid"} 0.0' in numbers
    assert served.metric("s4_node_s3_sent_bytes_total") > 96 * 1024
    s3_control.until(
        lambda sums: (
            sums["ListObjectsV2"].requests
            == served.metric('s4_node_s3_requests_total{grid="grid",operation="list",outcome="ok"}')
        )
    )
    assert served.metric("s4_node_queue_seconds_count") > 0
    assert [line["event"] for line in served.lines()] == ["bucket.reachable", "grid.serving"]
    assert served.stop() == 0


@pytest.mark.long
def test_a_stock_introducer_and_a_stock_storage_node_with_our_section_are_served_one_by_one(
    serving: list[Serving], store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    introducer = stock("introducer", tmp_path / "introducer")
    serving.append(Serving(["run", str(introducer)], tmp_path / "introducer.log").start().until_ready())
    furl = (introducer / "private" / "introducer.furl").read_text().strip()
    storage = stock("node", tmp_path / "storage", f"--introducer={furl}", "--webport=none", "--nickname=stock")
    with (storage / "tahoe.cfg").open("a") as config:
        config.write(section(store))
    serving.append(Serving(["run", str(storage)], tmp_path / "storage.log").start().until_ready())

    assert probe(furl).json["ok"] is True

    assert any(key.startswith("shares/") for key in s3_control.objects(store.bucket))
    assert serving[0].conditions()["introducer"]["announced"] is None
    assert serving[1].conditions()["storage"]["announced"] is True
    assert not (storage / "storage").exists()


def test_a_grid_as_stock_tahoe_makes_it_is_served_with_both_nodes_together(
    serving: list[Serving], store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    """The storage server knows of no introducer, and has the web port that `tahoe create-node` gives every node."""
    (tmp_path / "grid").mkdir()
    introducer = stock("introducer", tmp_path / "grid" / "introducer")
    web = free_port()
    storage = stock("node", tmp_path / "grid" / "storage", f"--webport=tcp:{web}:interface={LOOPBACK}")
    with (storage / "tahoe.cfg").open("a") as config:
        config.write(section(store))
    with socket.socket() as taken:  # by a client on the same machine
        taken.bind((LOOPBACK, web))
        taken.listen()
        served = Serving(["run", str(tmp_path / "grid")], tmp_path / "log").start()
        serving.append(served)
        served.until_ready()
    furl = (introducer / "private" / "introducer.furl").read_text().strip()

    assert probe(furl).json["ok"] is True

    named = (storage / "private" / "introducers.yaml").read_text()
    assert furl in named
    assert any(key.startswith("shares/") for key in s3_control.objects(store.bucket))
    assert served.stop() == 0
    assert served.start().until_ready().stop() == 0
    assert (storage / "private" / "introducers.yaml").read_text() == named
    assert not any(named.split("furl: ")[1].strip() in line for line in served.log.read_text().splitlines())


@pytest.mark.parametrize("port", ["", "AUTO", "tcp6:1234", "tcp:many", "tcp:port=1234:interface=::1"])
def test_a_port_that_is_none_of_ours_is_named_with_what_it_should_be(port: str, tmp_path: Path) -> None:
    (tmp_path / "tahoe.cfg").write_text(f"[node]\ntub.port = {port}\n[storage]\nenabled = true\n")
    with pytest.raises(ValueError, match=r"it must be tcp:PORT or tcp:PORT:interface=ADDRESS") as told:
        listening_of(tmp_path)
    assert repr(port) in str(told.value)


@pytest.mark.parametrize(
    ("port", "listening"),
    [
        ("tcp:1234", Listening(1234, "")),
        ("tcp:port=1234:interface=127.0.0.1", Listening(1234, LOOPBACK)),
        ("tcp:1234:interface=127.0.0.1", Listening(1234, LOOPBACK)),
    ],
)
def test_a_port_is_read_as_tahoe_writes_it(port: str, listening: Listening, tmp_path: Path) -> None:
    (tmp_path / "tahoe.cfg").write_text(f"[node]\nnickname = 100%\ntub.port = {port}\n")
    assert listening_of(tmp_path) == listening


def test_a_storage_node_waits_for_an_introducer_that_is_not_there_yet(serving: list[Serving], tmp_path: Path) -> None:
    grid = mint(1)
    lay_out(grid, tmp_path / "grid")
    storage = Serving(["run", str(tmp_path / "grid" / "storage")], tmp_path / "storage.log").start()
    serving.append(storage)
    eventually(lambda: storage.conditions().get("storage", {}).get("state") == "serving")
    assert storage.conditions()["storage"]["announced"] is False
    assert storage.get("/readyz")[0] == 503

    introducer = Serving(["run", str(tmp_path / "grid" / "introducer")], tmp_path / "introducer.log").start()
    serving.append(introducer.until_ready())

    eventually(lambda: storage.get("/readyz")[0] == 200, 40)
    assert probe(grid.introducer_furl).json["ok"] is True


def test_a_taken_page_port_is_one_line_and_ends_the_process(tmp_path: Path) -> None:
    grid = mint(1)
    lay_out(grid, tmp_path / "grid")
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run("s4-node", "run", str(tmp_path / "grid"), "--listen", f"{LOOPBACK}:{port}")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert str(port) in json.loads(answer.err)["why"]


def test_wrong_settings_are_named_and_nothing_is_served(tmp_path: Path) -> None:
    grid = mint(1)
    lay_out(grid, tmp_path / "grid", "\n[storageserver.plugins.s4-s3-v1]\nbukcet = x\nquota_bytes = many\n")
    answer = run("s4-node", "run", str(tmp_path / "grid"))
    assert answer.code == 1
    told = json.loads(answer.err)
    assert (told["event"], told["level"], told["grid"]) == ("grid.failed", "error", "grid")
    for problem in ("bukcet: there is no such setting", "bucket: is missing", "quota_bytes: a whole number"):
        assert problem in told["why"]


def test_text_is_logged_for_a_person(tmp_path: Path) -> None:
    answer = run("s4-node", "run", str(tmp_path), "--log", "text")
    assert answer.code == 1
    assert f" error grid.failed grid={tmp_path.name} why=no tahoe.cfg in {tmp_path}" in answer.err


def test_what_is_in_a_directory_is_recognised(tmp_path: Path) -> None:
    grid = mint(1)
    lay_out(grid, tmp_path / "grid")
    assert places_of(tmp_path / "grid") == Places(tmp_path / "grid" / "introducer", tmp_path / "grid" / "storage")
    assert places_of(tmp_path / "grid" / "storage") == Places(None, tmp_path / "grid" / "storage")
    assert places_of(tmp_path / "grid" / "introducer") == Places(tmp_path / "grid" / "introducer", None)
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "tahoe.cfg").write_text("[node]\n[storage]\nenabled = false\n")
    with pytest.raises(NoNode, match="neither an introducer nor a storage server"):
        places_of(tmp_path / "client")
    with pytest.raises(NoNode, match=r"no tahoe\.cfg"):
        places_of(tmp_path)


def test_each_command_says_how_it_is_used() -> None:
    help_of_all = run("s4-node", "--help")
    assert help_of_all.code == 0
    for command in ("run", "shard", "probe", "check", "usage", "verify", "copy"):
        assert f"\n  {command} " in help_of_all.out
        helped = run("s4-node", command, "--help")
        assert (helped.code, helped.err) == (0, "")
        assert helped.out.startswith(f"usage: s4-node {command}")
    wrong = run("s4-node", "serve")
    assert (wrong.code, wrong.err) == (2, f"s4-node: there is no command 'serve'\n\n{help_of_all.out}")
    assert (run("s4-node").code, run("s4-node").err) == (2, help_of_all.out)
    assert "Tahoe-LAFS 1.20.0" in run("s4-node", "--version").out


@pytest.mark.parametrize("where", ["4000", "127.0.0.1:", "127.0.0.1:none", "127.0.0.1:70000", ":80"])
def test_an_address_is_host_and_port(where: str, tmp_path: Path) -> None:
    answer = run("s4-node", "run", str(tmp_path), "--listen", where)
    assert answer.code == 2
    assert "--listen" in answer.err


def test_a_grid_is_asked_over_a_socket_of_its_own_and_served_by_one_process(
    tmp_path: Path, serving: list[Serving]
) -> None:
    grid, home = mint(1), tmp_path / "grid"
    lay_out(grid, home)
    serving.append(Serving(["run", "--control", str(home)], tmp_path / "log").start().until_ready())

    answer = ask(home, "GET", "/grids", 10)

    assert answer["version"] == "0.1.0"
    assert answer["grids"]["grid"]["state"] == "serving"
    assert (home / "control.sock").stat().st_mode & 0o777 == 0o600
    with pytest.raises(NobodyServes):
        ask(home, "POST", "/apply", 10)
    second = run("s4-node", "run", "--control", str(home))
    assert (second.code, second.err.count("\n")) == (1, 1)
    assert "another process serves" in second.err

"""Layers are complete or absent, baked once, and by one process at a time."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from s4_devcloud.image.shelf import Image, ImageMissing, Shelf, digest, digest_of_tree
from support.waiting import until


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def shelf(tmp_path: Path, said: list[str]) -> Shelf:
    return Shelf(tmp_path / "shelf", said.append)


def writes(content: str, log: list[str]) -> Callable[[Path], None]:
    def bake(folder: Path) -> None:
        log.append(content)
        (folder / "file").write_text(content)

    return bake


def test_a_layer_is_baked_once(shelf: Shelf, said: list[str]) -> None:
    log: list[str] = []
    with shelf.locked():
        layers = [shelf.layer("base-1", "the base", writes("one", log)) for _ in range(2)]

    assert log == ["one"]
    assert (layers[1] / "file").read_text() == "one"
    assert [line.split(":")[0] for line in said] == ["the base ...", "the base"]


def test_a_failed_bake_leaves_no_layer_and_the_next_one_starts_anew(shelf: Shelf) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), shelf.locked():
        shelf.layer("base-1", "the base", fails)
    with shelf.locked():
        layer = shelf.layer("base-1", "the base", writes("whole", []))

    assert [path.name for path in layer.iterdir()] == ["file"]
    assert sorted(path.name for path in shelf.folder.iterdir()) == ["base-1", "lock"]


def bake_slowly(folder: Path) -> None:
    def bake(layer: Path) -> None:
        (layer / "half").write_text("half")
        time.sleep(60)

    shelf = Shelf(folder, lambda _: None)
    with shelf.locked():
        shelf.layer("base-1", "the base", bake)


async def test_a_baker_killed_half_way_leaves_neither_a_layer_nor_the_lock(shelf: Shelf) -> None:
    baker = multiprocessing.get_context("spawn").Process(target=bake_slowly, args=(shelf.folder,))
    baker.start()
    await until(lambda: list(shelf.folder.glob("*/half")), within=30, what="half of the layer is written")
    os.kill(baker.pid or 0, signal.SIGKILL)
    baker.join()
    baker.close()

    with shelf.locked():
        layer = shelf.layer("base-1", "the base", writes("whole", []))

    assert [path.name for path in layer.iterdir()] == ["file"]


def bake_once(folder: Path, log: Path) -> None:
    def bake(layer: Path) -> None:
        with log.open("a") as opened:
            opened.write("baked\n")
        time.sleep(0.3)
        (layer / "file").write_text("x")

    shelf = Shelf(folder, lambda _: None)
    with shelf.locked():
        shelf.layer("base-1", "the base", bake)


def test_of_several_bakers_at_once_one_bakes_and_the_others_find_it_done(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    bakers = [context.Process(target=bake_once, args=(tmp_path / "shelf", log)) for _ in range(4)]
    for baker in bakers:
        baker.start()
    for baker in bakers:
        baker.join()

    assert [baker.exitcode for baker in bakers] == [0, 0, 0, 0]
    assert log.read_text() == "baked\n"
    for baker in bakers:
        baker.close()


def test_the_published_image_is_read_back_and_named_after_its_layers(shelf: Shelf) -> None:
    with shelf.locked():
        layers = [shelf.layer(name, name, writes(name, [])) for name in ("node-1", "base-1")]
        image = shelf.publish("nspawn", layers)
        other = shelf.publish("sshd", layers[:1])

    assert Image.read(shelf.folder, "nspawn") == image
    assert image.layers == tuple(layers)
    assert image.name.startswith("s4-node-")
    assert image.name != other.name


def test_without_an_image_the_reader_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ImageMissing, match="python -m s4_devcloud image"):
        Image.read(tmp_path, "nspawn")


def test_a_digest_tells_parts_apart_that_join_to_the_same() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab", "c") == digest(b"ab", "c")


def test_a_tree_is_known_by_names_and_content_and_not_by_compiled_files(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("1")
    before = digest_of_tree(tmp_path, ["src", "LICENSE"])
    (tmp_path / "src/a.cpython-311.pyc").write_text("2")
    (tmp_path / "unrelated").write_text("3")
    same = digest_of_tree(tmp_path, ["src", "LICENSE"])
    (tmp_path / "src/a.py").rename(tmp_path / "src/b.py")

    assert before == same != digest_of_tree(tmp_path, ["src", "LICENSE"])

"""Every image is built twice from two copies of the sources, on a stand-in of the official base, and looked into."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from s4_ops.images.recipes import RECIPES, SERVICES, distributions, normal
from s4_provisioner.settings import Settings
from support import bases
from support.engines import Podman, private_podman
from support.infra import TestRun, needs_program
from support.layers import Finding, findings
from support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

ROOT = Path(__file__).parents[3]
# S4_IMAGES=web,node looks at these only: all of them take a quarter of an hour.
NAMES = tuple(name for name in RECIPES if name in os.environ.get("S4_IMAGES", ",".join(RECIPES)).split(","))
# An example of a key in the words that explain a function, and the keys of moto's proxy: their authors publish them.
PUBLISHED = ("/site-packages/autobahn/wamp/", "/site-packages/moto/moto_proxy/")


PROGRAMS = (
    ("cli", ["billing", "--help"], "usage: s4 billing"),
    ("devcloud", ["stripe", "--help"], "usage: python -m s4_devcloud stripe"),
    ("node", ["pod", "--help"], "usage: s4-node pod"),
    ("shop", ["demo", "--help"], "usage: python -m s4_shop.compose demo"),
)


@dataclass(frozen=True)
class Workshop:
    """An engine with all images in it, what two builds of them told, and the sources of the second."""

    engine: Podman
    folder: Path
    sources: Path
    first: dict[str, Any]
    second: dict[str, Any]

    def s4(self, *words: str) -> subprocess.CompletedProcess[str]:
        return s4(self.engine, *words, "--source", str(self.sources))


def s4(engine: Podman, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s4_cli", "images", *words],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def built(engine: Podman, sources: Path, *words: str) -> dict[str, Any]:
    """What `s4 images build` told of all images."""
    mounts = [word for mount in bases.build_mounts() for word in ("--mount", mount)]
    options = ["--pull", "never", "--network", "host", "--json", "--source", str(sources)]
    done = s4(engine, "build", *NAMES, *mounts, *options, *words)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)["images"]
    return told


@pytest.fixture(scope="module")
def workshop(test_run: TestRun) -> Iterator[Workshop]:
    folder = test_run.folder / "images"
    with needs_program(), private_podman(folder) as engine:
        engine.take(bases.python(folder), bases.PYTHON, f"ENV PATH={bases.PATH}")
        one = bases.sources(ROOT, folder / "one")
        first = built(engine, one)
        engine.keep_only(bases.PYTHON)
        two = shutil.copytree(one, folder / "another-copy", copy_function=shutil.copy)  # with times of its own
        second = built(engine, two, "--sbom", str(folder / "bills"))
        yield Workshop(engine, folder, two, first, second)


@pytest.fixture(scope="module")
def found(workshop: Workshop) -> dict[str, Any]:
    """What `s4 images contents` told."""
    done = workshop.s4("contents", *NAMES, "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_building_twice_gives_the_same_images(
    workshop: Workshop, record_property: Callable[[str, object], None]
) -> None:
    digests = {name: (workshop.first[name]["digest"], workshop.second[name]["digest"]) for name in NAMES}
    for name, one in workshop.first.items():
        sizes = f"{one['size'] / 1e6:.0f} MB, {one['added'] / 1e6:.1f} MB of it above the base"
        again = workshop.second[name]["seconds"]
        record_property("note", f"image {name}: {sizes}; built in {one['seconds']} s and {again} s")

    assert {name: pair for name, pair in digests.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_installed_is_what_is_pinned_and_nothing_else(found: dict[str, Any], name: str) -> None:
    assert found[name]["differences"] == {"missing": [], "unexpected": [], "other_version": []}
    assert {one["name"] for one in found[name]["contents"]["python"]} & {"pip", "wheel"} == set()


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_root_in_it(workshop: Workshop, found: dict[str, Any], name: str) -> None:
    assert workshop.engine.look(f"localhost/s4-{name}")["Config"]["User"] == "10001:10001"
    assert (found[name]["contents"]["user"], found[name]["contents"]["group"]) == (10001, 10001)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(workshop: Workshop, name: str) -> None:
    labels = workshop.engine.look(f"localhost/s4-{name}")["Labels"]

    assert labels["org.opencontainers.image.title"] == f"s4-{name}"
    both = "MIT AND GPL-2.0-or-later"
    licences = {"node": "GPL-2.0-or-later", "devcloud": both, "provisioner": both, "shop": both}
    assert labels["org.opencontainers.image.licenses"] == licences.get(name, "MIT")
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.revision"] == "unknown"  # the copies are not of git


@pytest.mark.parametrize("service", [name for name in NAMES if name in SERVICES])
def test_a_service_without_settings_says_which_it_lacks_and_ends(workshop: Workshop, service: str) -> None:
    done = workshop.engine.run(*_confined("--user=23456:23456"), f"localhost/s4-{service}")

    assert done.returncode == os.EX_CONFIG, done.stderr
    assert "S4_DATABASE_URL is not set" in done.stderr
    assert "S4_AMQP_URL is not set" in done.stderr


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [program for program in PROGRAMS if program[0] in NAMES],
    ids=[program[0] for program in PROGRAMS if program[0] in NAMES],
)
def test_a_program_runs_where_it_may_write_nothing(workshop: Workshop, name: str, words: list[str], said: str) -> None:
    done = workshop.engine.run(*_confined("--user=23456:23456"), f"localhost/s4-{name}", *words)

    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@pytest.mark.skipif("provisioner" not in NAMES, reason="another image was asked for")
def test_the_client_that_proves_grids_is_where_the_provisioner_looks_for_it(workshop: Workshop) -> None:
    [command] = [field for field in msgspec.structs.fields(Settings) if field.name == "probe_command"]
    [program, *words] = command.default_factory()
    entry = ["--user=23456:23456", f"--entrypoint={program}"]
    done = workshop.engine.run(*_confined(*entry), "localhost/s4-provisioner", *words, "--help")

    assert done.returncode == 0, done.stderr
    assert "usage: s4-node probe" in done.stdout


@pytest.mark.skipif("mailbox" not in NAMES, reason="another image was asked for")
async def test_the_mailbox_server_takes_clients_and_writes_to_its_mount_only(workshop: Workshop) -> None:
    mount = "--mount=type=volume,source=mailbox,destination=/var/lib/mailbox"
    engine = workshop.engine
    started = engine.must(*_confined("--user=10001:10001", mount, "--detach"), "localhost/s4-mailbox").strip()
    greet = "import socket; socket.create_connection(('127.0.0.1', 4000), 2).close()"
    try:
        await until(
            lambda: engine.run("exec", started, "python", "-c", greet).returncode == 0,
            within=60,
            what="a mailbox server",
        )
        assert "channels.sqlite" in engine.must("exec", started, "ls", "/var/lib/mailbox")
    finally:
        engine.run("rm", "--force", "--time", "0", started)


def test_no_layer_holds_a_secret_or_a_path_of_this_machine(workshop: Workshop) -> None:
    base = workshop.engine.look(bases.PYTHON)["RootFS"]["Layers"]
    secrets = [path.read_bytes() for path in (ROOT / ".s4/shop/secrets").rglob("*") if path.is_file()]
    words = [str(ROOT), str(workshop.folder), *_words(secrets)]
    seen: list[Finding] = []
    for name in NAMES:
        seen += findings(workshop.engine, f"localhost/s4-{name}", base, words)

    assert [one for one in seen if not any(place in one.path for place in PUBLISHED)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_of_materials_lists_what_is_installed(workshop: Workshop, found: dict[str, Any], name: str) -> None:
    text = (workshop.folder / "bills" / f"s4-{name}.cdx.json").read_text()
    made = json.loads(text)
    urls = {part["purl"] for part in made["components"]}

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    wanted = distributions(RECIPES[name], workshop.sources).items()
    assert {f"pkg:pypi/{normal(one)}@{version}" for one, version in wanted} <= urls
    debian = {one["name"] for one in found[name]["contents"]["debian"]}
    assert {"libc6", "openssl"} & debian
    assert debian == {part["name"] for part in made["components"] if part["purl"].startswith("pkg:deb/")}
    assert made["metadata"]["component"]["hashes"][0]["content"] == workshop.second[name]["id"]


def _confined(*options: str) -> list[str]:
    safe = ["--rm"] if "--detach" not in options else []
    return ["run", *safe, "--pull=never", "--network=none", "--read-only", "--cap-drop=all", *options]


def _words(secrets: list[bytes]) -> list[str]:
    """Whatever in the files of secrets is long enough to be one, and no name of a setting."""
    words = {word.strip('",') for text in secrets for word in text.decode("utf-8", errors="ignore").split()}
    return sorted(word for word in words if len(word) >= 16 and any(sign.isdigit() for sign in word))

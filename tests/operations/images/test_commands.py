"""s4 images build and its sisters, as an operator sees them without any container engine."""

import json
import shlex
import stat
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from s4_cli.__main__ import main
from s4_ops.images import sbom
from s4_ops.images.contents import Contents, Distribution, Package, differences
from s4_ops.images.recipes import RECIPES, distributions

ROOT = Path(__file__).parents[3]
SOURCE = ["--source", str(ROOT)]
INSPECTED = json.dumps([{"Id": f"sha256:{'a' * 64}", "Size": 5000000, "Digest": f"sha256:{'b' * 64}"}])


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman that only writes down what it is told; it fails on whatever the file `refuse` names."""
    program = tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
echo "$*" >>{tmp_path}/asked
if [ -f {tmp_path}/refuse ] && echo "$*" | grep -q "$(cat {tmp_path}/refuse)"; then echo it was refused; exit 3; fi
while [ $# -gt 0 ]; do [ "$1" = --digestfile ] && printf 'sha256:%064d' 7 >"$2"; [ "$1" = inspect ] && i=1; shift; done
[ -z "$i" ] || echo '{INSPECTED}'
""")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path


def test_a_dry_run_prints_the_command_of_each_image_and_runs_none(
    engine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["images", "build", "--dry-run", "--base", "b@sha256:0", "--pull", "never", *SOURCE]) == 0

    commands = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert len(commands) == len(RECIPES)
    for command, recipe in zip(commands, RECIPES.values(), strict=True):
        assert command[:2] == ["podman", "build"]
        assert {"--pull=never", "BASE=b@sha256:0", f"localhost/s4-{recipe.name}:latest"} <= set(command)
        assert (f"SERVICE={recipe.name}" in command) == (recipe.context == ".")
        assert command[-1] == str(ROOT / recipe.context)
    assert not (engine / "asked").exists()


def test_a_dry_run_says_what_would_be_pushed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "build", "web", "--dry-run", "--push", "registry.s4.example/s4", *SOURCE]) == 0

    _, push = capsys.readouterr().out.splitlines()
    assert push.startswith("podman push --digestfile DIGEST_FILE localhost/s4-web:")
    assert " docker://registry.s4.example/s4/s4-web:" in push


def test_docker_is_told_the_same_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "build", "web", "--engine", "docker", "--dry-run", *SOURCE]) == 0
    command = capsys.readouterr().out
    assert "docker build" in command
    assert "SOURCE_DATE_EPOCH=" in command
    assert "--timestamp" not in command

    assert main(["images", "build", "--engine", "docker", "--dry-run", "--mount", "/a:/b", *SOURCE]) == 1
    assert "docker-builds-without-mounts" in capsys.readouterr().err


def test_what_was_built_is_told_for_machines(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "build", "web", "node", "--json", *SOURCE]) == 0

    told = json.loads(capsys.readouterr().out)
    assert list(told["images"]) == ["web", "node"]
    web = told["images"]["web"]
    assert (web["id"], web["digest"], web["size"]) == ("a" * 64, "sha256:" + "b" * 64, 5_000_000)
    assert web["is_pushed"] is False
    assert (engine / "asked").read_text().count("build ") == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["build", "wbe"], "no-such-image image=wbe"),
        (["build", "--source", "/usr"], "not-the-sources"),
        (["build", "--release", "r.json"], "release-needs-push"),
        (["build", "--push", "https://registry"], "not-a-registry"),
        (["contents", "web", "--engine", "docker"], "no-such-program program=docker"),
        (["sbom", "web", "--out", "x"], "no-such-program program=podman"),
    ],
    ids=["unknown-image", "not-sources", "release-without-push", "not-a-registry", "no-docker", "no-podman"],
)
def test_what_cannot_be_done_is_said_before_anything_is_done(
    words: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["images", *words, *([] if "--source" in words else SOURCE)]) == 1
    assert code in capsys.readouterr().err


def test_a_failed_build_ends_with_what_the_engine_said_last(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (engine / "refuse").write_text("SERVICE=billing")

    assert main(["images", "build", "web", "billing", "support", *SOURCE]) == 1

    told = capsys.readouterr().err
    assert "it was refused" in told
    assert "engine-failed at=build-billing status=3" in told
    assert "SERVICE=support" not in (engine / "asked").read_text()


def test_only_what_git_knows_is_pushed(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in ("Dockerfile", "libs/ops/pyproject.toml", "pyproject.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((ROOT / file).read_text())

    assert main(["images", "build", "web", "--push", "registry.s4.example", "--source", str(tmp_path)]) == 1

    assert "no-revision" in capsys.readouterr().err
    assert not (engine / "asked").exists()


def test_a_bill_of_materials_is_what_its_standard_asks_for_and_the_same_each_time() -> None:
    found = Contents(
        10001,
        10001,
        [
            Distribution("/opt/s4/lib/python3.11/site-packages", "Jinja2", "3.1.6", "BSD-3-Clause"),
            Distribution("/opt/s4/lib/python3.11/site-packages", "odd", "1+local", "see the file: LICENCE"),
            Distribution("/opt/s4/lib/python3.11/site-packages", "both", "2", "MIT OR Apache-2.0"),
            Distribution("/opt/s4/lib/python3.11/site-packages", "none", "2"),
        ],
        [Package("libssl3", "3.0.17-1~deb12u2", "amd64")],
    )

    made = sbom.written(sbom.bill(RECIPES["web"], "c" * 64, "abc", found))

    assert made == sbom.written(sbom.bill(RECIPES["web"], "c" * 64, "abc", found))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made.decode()) is None
    parts = {part["name"]: part.get("licenses") for part in json.loads(made)["components"]}
    assert parts.keys() == {"Jinja2", "odd", "both", "none", "libssl3"}
    assert parts["both"] == [{"expression": "MIT OR Apache-2.0"}]


def test_an_image_is_compared_with_the_pins() -> None:
    wanted = distributions(RECIPES["web"], ROOT)
    folder = "/opt/s4/lib/python3.11/site-packages"
    installed = {**wanted, "pip": "24.0", "jinja2": "1.0"}
    del installed["aiohttp"]
    found = Contents(10001, 10001, [Distribution(folder, *one) for one in installed.items()], [])

    wrong = differences(found, RECIPES["web"], ROOT)

    assert (wrong.missing, wrong.unexpected, wrong.other_version) == (["aiohttp"], ["pip"], ["jinja2"])
    assert wrong

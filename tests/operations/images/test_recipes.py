"""What images are made of, as far as files tell."""

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import pytest

from s4_ops.images.recipes import RECIPES, SERVICES, Recipe, distributions

ROOT = Path(__file__).parents[3]
FILES = {recipe.file: (ROOT / recipe.file).read_text() for recipe in RECIPES.values()}
OF_ROOT = [recipe for recipe in RECIPES.values() if recipe.context == "."]


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_linter_of_dockerfiles_has_nothing_to_say(file: str) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([str(linter), str(ROOT / file)], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.parametrize("recipe", OF_ROOT, ids=lambda recipe: recipe.name)
def test_every_image_has_a_last_stage_and_pins_of_its_name(recipe: Recipe) -> None:
    name = recipe.name
    assert re.search(rf"^FROM \S+ AS {name}$", FILES["Dockerfile"], re.MULTILINE)
    assert (ROOT / "requirements" / f"{name}.txt").is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_when_nothing_else_is_asked_of_it(service: str) -> None:
    stage = re.split(rf"FROM \S+ AS {service}\n", FILES["Dockerfile"])[1].split("\n\n")[0]

    assert stage.endswith(f'ENTRYPOINT ["python", "-m", "s4_{service}"]\nCMD ["serve"]')


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_needs_of_ours_what_the_service_imports_and_nothing_of_other_services(service: str) -> None:
    ours = {name for name in distributions(RECIPES[service], ROOT) if name.startswith("s4-")}
    [folder] = [*ROOT.glob(f"services/{service}/src"), *ROOT.glob(f"libs/{service}/src")]
    imported = {
        found.replace("_", "-")
        for path in folder.rglob("*.py")
        for found in re.findall(r"^\s*(?:from|import) (s4_[a-z]+)", path.read_text(), re.MULTILINE)
    }

    assert imported <= ours
    assert ours & {f"s4-{other}" for other in (*SERVICES, "devcloud", "shop", "cli", "ops")} == {f"s4-{service}"}


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_base_and_the_labels_come_from_outside_and_nobody_is_root(file: str) -> None:
    text = FILES[file]

    assert re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE) == ["docker.io/library/python:3.11-slim-bookworm"]
    assert "image.revision=" in text
    assert "image.licenses=" in text
    assert set(re.findall(r"^USER (.*)$", text, re.MULTILINE)) == {"10001:10001"}


@pytest.mark.parametrize("file", sorted(FILES))
def test_what_is_downloaded_is_checked_against_the_pins_and_nothing_of_this_machine_is_told(file: str) -> None:
    text = FILES[file].replace("\\\n", "")

    for install in re.findall(r"pip --python \S+ install ([^&\n]*)", text):
        assert "--require-hashes" in install or "--no-index" in install
    assert not re.search(r"https?://|--trusted-host|--index-url|(?i:password|token|secret_)", text)


def allowed(name: str, patterns: list[str]) -> bool:
    """As Docker reads the file: the last pattern that fits a path or a folder above it decides."""
    parts = name.split("/")
    verdict = True
    for pattern in patterns:
        plain = pattern.removeprefix("!").removeprefix("**/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        tried = parts if "**/" in pattern else [path for path in above if path.count("/") == plain.count("/")]
        if any(fnmatch.fnmatchcase(path, plain) for path in tried):
            verdict = pattern.startswith("!")
    return verdict


@pytest.mark.parametrize("context", [".", "libs/node"])
def test_a_build_sees_sources_and_pins_and_nothing_else(context: str) -> None:
    lines = (ROOT / context / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    package = "libs/node/" if context == "." else ""

    assert patterns[0] == "*"
    seen = [f"{package}{name}" for name in ("src/s4_node/run.py", "README.md", "LICENSE", "pyproject.toml")]
    hidden = [".s4/shop/secrets/operator.json", ".git/config", ".env", "tests/conftest.py", ".venv/bin/python"]
    hidden += [f"{package}{name}" for name in ("tests/conftest.py", "src/s4_node/__pycache__/run.pyc", ".env")]
    if context == ".":
        seen += ["requirements/web.txt", "services/web/src/s4_web/templates/base.html", "libs/bus/pyproject.toml"]
        hidden += ["services/web/.env", "libs/bus/notes.txt", "k8s/base/x.yaml", "docs/x.md"]
    assert [name for name in seen if not allowed(name, patterns)] == []
    assert [name for name in hidden if allowed(name, patterns)] == []


def test_what_other_systems_need_is_not_expected_in_an_image() -> None:
    assert "pywin32 ; sys_platform" in re.sub(r"==\S+", "", (ROOT / "requirements/devcloud.txt").read_text())
    assert "pywin32" not in distributions(RECIPES["devcloud"], ROOT)

"""A bare machine: what is said, what is installed, and that nothing is done twice."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s4_shop.install import bootstrap, debian, environment
from s4_shop.install.needs import Need, missing, needs

ROOT = Path(__file__).resolve().parents[2]


def lacking(*packages: str, without: str = "") -> Need:
    return Need(packages, "because", lambda: False, without)


def test_only_what_is_not_there_is_missing() -> None:
    there, absent = Need(("here",), "why", lambda: True), lacking("absent")
    assert missing([there, absent]) == [absent]


def test_root_gets_real_machines_and_others_the_plain_sshd() -> None:
    as_root = {package for need in needs(is_root=True, for_tests=False) for package in need.packages}
    as_other = {package for need in needs(is_root=False, for_tests=False) for package in need.packages}
    assert {"mmdebstrap", "systemd-container", "iproute2"} <= as_root
    assert "openssh-server" in as_other
    assert not {"mmdebstrap", "systemd-container"} & as_other
    assert "chromium" not in as_root | as_other


def test_the_tests_need_a_browser_and_both_kinds_of_machines() -> None:
    packages = {package for need in needs(is_root=True, for_tests=True) for package in need.packages}
    assert {"chromium", "openssh-server", "systemd-container"} <= packages


def test_without_root_the_exact_command_is_said_and_what_degrades(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.programs([lacking("nice-thing", without="it is slower")], is_root=False)
    said = capsys.readouterr().out
    assert "sudo apt-get install -y --no-install-recommends nice-thing" in said
    assert "because (without: it is slower)" in said


def test_without_root_a_required_program_stops_the_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert not bootstrap.programs([lacking("broker"), lacking("extra", without="less")], is_root=False)
    assert "nothing works without: broker\n" in capsys.readouterr().out


def test_services_may_not_start_during_an_installation_and_may_again_afterwards(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with debian.services_stay_off(policy):
        assert subprocess.run([str(policy)], check=False).returncode == 101
    assert not policy.exists()


def test_a_policy_of_the_machines_own_is_left_alone(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with debian.services_stay_off(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_policy_that_a_killed_installation_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    killed = debian.services_stay_off(policy)
    killed.__enter__()
    with debian.services_stay_off(policy):
        assert policy.exists()
    assert not policy.exists()


def test_a_failed_apt_get_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "apt-get"
    fake.write_text("#!/bin/sh\necho 'E: no such package'\nexit 100\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said: list[str] = []
    with pytest.raises(debian.InstallFailed, match="no such package"):
        debian.install(["x"], said.append, policy=tmp_path / "policy-rc.d")
    assert said == ["  $ apt-get update"]
    assert not (tmp_path / "policy-rc.d").exists()


@pytest.fixture
def small_clone(tmp_path: Path) -> Path:
    """A clone with one library of ours that depends on nothing."""
    package = tmp_path / "libs" / "node"
    (package / "src" / "tiny").mkdir(parents=True)
    (package / "src" / "tiny" / "__init__.py").write_text("answer = 42\n")
    (package / "requirements.txt").write_text("")
    (package / "requirements-test.txt").write_text("# for tests\n")
    (package / "pyproject.toml").write_text('[project]\nname = "tiny"\nversion = "1"\n')
    return tmp_path


def test_an_environment_is_current_until_its_pins_change(small_clone: Path) -> None:
    node = environment.workspace(small_clone, for_tests=True)[1]
    (node.folder / "bin").mkdir(parents=True)
    node.python.touch()
    assert not node.is_current
    (node.folder / ".s4-installed").write_text(node.stamp)
    assert node.is_current
    assert not environment.make(node, small_clone, print)
    (small_clone / "libs" / "node" / "src" / "tiny" / "__init__.py").write_text("answer = 43\n")
    assert node.is_current
    node.pins.write_text("# another pin\n")
    assert not node.is_current


def test_what_only_tests_need_is_installed_for_tests_only_and_then_stays(small_clone: Path) -> None:
    plain, tested = (environment.workspace(small_clone, for_tests=tests)[1] for tests in (False, True))
    assert plain.lone == []
    assert [pins.name for pins in tested.lone] == ["requirements-test.txt"]
    (plain.folder / "bin").mkdir(parents=True)
    plain.python.touch()

    (plain.folder / ".s4-installed").write_text(plain.stamp)
    assert (plain.is_current, tested.is_current) == (True, False), "the tests need more"
    (plain.folder / ".s4-installed").write_text(tested.stamp)
    assert (plain.is_current, tested.is_current) == (True, True), "the shop needs no less for it"
    plain.pins.write_text("# another pin\n")
    assert (plain.is_current, tested.is_current) == (False, False)


def test_the_workspace_has_two_environments_with_separate_pins() -> None:
    services, node = environment.workspace(ROOT, for_tests=False)
    assert {folder.name for folder in services.editable} >= {"web", "billing", "provisioner", "notifier", "shop", "bus"}
    assert [folder.name for folder in node.editable] == ["node"]
    assert "tahoe-lafs" not in services.pins.read_text()
    assert "tahoe-lafs" in node.pins.read_text()


@pytest.mark.parametrize("pins", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_pins_have_hashes_and_name_no_index_and_no_path(pins: str) -> None:
    text = (ROOT / "requirements" / pins).read_text()
    requirements = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert requirements
    assert all("==" in line for line in requirements)
    assert text.count("--hash=sha256:") >= len(requirements)
    assert not any(bad in text for bad in ("://", "--index", "--extra-index", "file:", "/work", "-e "))


def test_constraints_name_the_same_versions_as_the_development_pins() -> None:
    pinned = {line.split()[0] for line in (ROOT / "requirements" / "dev.txt").read_text().splitlines() if "==" in line}
    constrained = {line.split()[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert constrained == pinned


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'libs/shop/src')!r})\n"
        "import s4_shop.install.bootstrap\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__main__", "__mp_main__", "s4_shop"}


def test_another_python_than_ours_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert bootstrap.main(tmp_path, for_tests=False) == 1
    assert "S4 runs on Python 3.11" in capsys.readouterr().out


def test_what_is_installed_already_costs_nothing(capsys: pytest.CaptureFixture[str], small_clone: Path) -> None:
    node = environment.workspace(small_clone, for_tests=False)[1]
    (node.folder / "bin").mkdir(parents=True)
    node.python.touch()
    (node.folder / ".s4-installed").write_text(node.stamp)
    began = time.monotonic()
    assert bootstrap.install(small_clone, needs(is_root=False, for_tests=False)[:1], [node], is_root=False) == 0
    assert time.monotonic() - began < 1
    assert capsys.readouterr().out == ""

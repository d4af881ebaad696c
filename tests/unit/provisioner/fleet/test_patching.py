import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from s4_contracts.ids import HostId
from s4_provisioner.drivers import patching
from s4_provisioner.drivers.user_data import HostKey, user_data
from s4_runtime import SettingsError

KEY = HostKey("private", "ssh-ed25519 AAAA")
HOSTS = some.uuids().map(lambda number: HostId(str(number)))


def test_without_a_window_machines_do_not_patch_themselves() -> None:
    assert patching.read("") is None
    assert "write_files" not in yaml.safe_load(user_data(KEY, "s4", "ssh-ed25519 BBBB"))


@pytest.mark.parametrize("text", ["3:00-5:00", "03:00", "03:00-24:00", "03:60-05:00", "night", "03:00-05:00 "])
def test_a_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        patching.read(text)


@given(HOSTS)
def test_a_host_restarts_in_the_window_and_always_at_the_same_minute(host: HostId) -> None:
    window = patching.read("03:00-05:00")
    assert window
    assert "03:00" <= window.of(host) < "05:00"
    assert window.of(host) == window.of(host)


@given(HOSTS)
def test_a_window_may_go_over_midnight(host: HostId) -> None:
    window = patching.read("23:30-00:30")
    assert window
    assert window.of(host) >= "23:30" or window.of(host) < "00:30"


def test_hosts_do_not_restart_together() -> None:
    window = patching.read("03:00-05:00")
    assert window
    assert len({window.of(HostId(f"00000000-0000-7000-8000-{number:012x}")) for number in range(120)}) == 120


def test_apt_reads_what_the_machine_is_told(tmp_path: Path) -> None:
    told = yaml.safe_load(user_data(KEY, "s4", "ssh-ed25519 BBBB", "03:17"))
    (file,) = told["write_files"]
    assert Path(file["path"]).parent == Path("/etc/apt/apt.conf.d")
    if shutil.which("apt-config") is None:
        return
    written = tmp_path / "patching"
    # What the package itself says stands before ours, and is replaced where lists would be joined.
    written.write_text('Unattended-Upgrade::Origins-Pattern { "origin=Debian"; };\n' + file["content"])
    read = subprocess.run(["apt-config", "-c", written, "dump"], capture_output=True, text=True, check=True).stdout
    assert 'Unattended-Upgrade::Automatic-Reboot-Time "03:17";' in read
    assert 'Unattended-Upgrade::Automatic-Reboot "true";' in read
    assert 'APT::Periodic::Unattended-Upgrade "1";' in read
    patterns = [line for line in read.splitlines() if line.startswith("Unattended-Upgrade::Origins-Pattern:: ")]
    (security,) = patterns
    assert "codename=${distro_codename}-security,label=Debian-Security" in security

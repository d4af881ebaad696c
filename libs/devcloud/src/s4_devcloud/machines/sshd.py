"""Machines that are only an OpenSSH server of their own, on an address of their own. Needs no root."""

import getpass
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from s4_devcloud.image import Image
from s4_devcloud.machines.cloud_config import parse
from s4_devcloud.machines.contract import MachineSpec
from s4_devcloud.machines.doors import tcp
from s4_devcloud.machines.local import LocalDriver, LocalMachine
from s4_devcloud.machines.network import Network, partner
from s4_devcloud.machines.remains import descendants, kill_all, marked, pid_in

METADATA_PORT = 8775  # unprivileged, and below the ports that connections are given at random
METADATA_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"  # AWS SDKs reference guide, "IMDS credential provider"

# SHLVL: in a first shell that sshd starts, bash runs the ~/.bashrc of whoever runs this (Bash manual, "Bash Startup
# Files"), which is none of the machine's business and may take a minute.
CONFIG = """\
AddressFamily inet
AuthorizedKeysFile "{folder}/authorized_keys"
KbdInteractiveAuthentication no
ListenAddress {listen}:{port}
LogLevel VERBOSE
MaxSessions 100
MaxStartups 100:30:200
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
SetEnv SHLVL="1" PATH="{path}" S4_HOST_CONFIG="{folder}/host.json"{environment}
StrictModes no
Subsystem sftp internal-sftp
UseDNS no
UsePAM no
{host_keys}
"""


class SshdMachine(LocalMachine):
    """One sshd and whatever was started through it. Its processes listen on the address's private partner."""

    def __init__(self, driver: "SshdDriver", spec: MachineSpec, address: str) -> None:
        super().__init__(spec, address, driver.folder / spec.id, driver.doors, driver.ssh_port)
        self._driver, self._inner = driver, partner(address)

    def _launch(self) -> subprocess.Popen[bytes]:
        self._prepare()
        command = [self._driver.sshd, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "console.log").open("wb") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True)
        config = parse(self.spec.user_data)
        keys = [*config.authorized_keys, self.spec.public_key]
        (self.folder / "authorized_keys").write_text("".join(f"{key}\n" for key in keys if key))
        environment = self._environment()
        # For s4-host: processes of its own instead of systemd, below this folder, listening on this address.
        host = {"supervisor": "process", "root": str(self.folder / "grids"), "bind": self._inner}
        (self.folder / "host.json").write_text(json.dumps({**host, "environment": environment}))
        host_keys = [self._host_key(kind, private) for kind, private in config.host_keys.items()]
        host_keys = host_keys or [self._made_host_key()]
        text = CONFIG.format(
            folder=self.folder,
            listen=self._inner,
            port=self._driver.ssh_port,
            path=f"{self._driver.image.layers[0]}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            environment="".join(f' {name}="{value}"' for name, value in environment.items()),
            host_keys="\n".join(f'HostKey "{path}"' for path in host_keys),
        )
        (self.folder / "sshd_config").write_text(text)

    def _environment(self) -> dict[str, str]:
        """The metadata service is not at its usual address; the files of whoever runs this are not the machine's."""
        none = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        if self.spec.metadata_socket is None:
            return none
        inner = {**tcp(self._inner, METADATA_PORT), "inner": True}
        self.doors.open(self.id, inner, {"unix": str(self.spec.metadata_socket)})
        return {**none, METADATA_VARIABLE: f"http://{self._inner}:{METADATA_PORT}"}

    def _host_key(self, kind: str, private: str) -> Path:
        path = self.folder / f"ssh_host_{kind}_key"
        path.touch(0o600)
        path.write_text(private if private.endswith("\n") else private + "\n")
        return path

    def _made_host_key(self) -> Path:
        path = self.folder / "ssh_host_ed25519_key"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(make, check=True, capture_output=True)
        return path

    def _inside(self, port: int) -> dict[str, Any]:
        return tcp(self._inner, port)

    def _call_sshd(self, seconds: float) -> socket.socket:
        return socket.create_connection((self._inner, self._driver.ssh_port), seconds)

    def _kill(self) -> None:
        kill_machine(self.folder)
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._driver.forget(self)


class SshdDriver(LocalDriver[SshdMachine]):
    """Starts an sshd per machine. Everyone logs in as the user who runs this."""

    def __init__(self, state: Path, image: Image, network: Network, ssh_port: int) -> None:
        super().__init__(state, image, network, ssh_port)
        self.sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "sshd"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd confines its unprivileged half

    @property
    def ssh_user(self) -> str | None:
        """Whoever runs this: sshd without root can be nobody else."""
        return getpass.getuser()

    def _machine(self, spec: MachineSpec, address: str) -> SshdMachine:
        return SshdMachine(self, spec, address)


def end_all(state: Path) -> list[str]:
    """No process is left of any machine in this state folder; the ids of the machines."""
    left = sorted((state.resolve() / "machines").glob("i-*"))
    for folder in left:
        kill_machine(folder)
    return [folder.name for folder in left]


def kill_machine(folder: Path) -> None:
    """No process of this machine is left: not sshd, not its sessions, not what they put into the background."""
    sshd = pid_in(folder / "pid", str(folder / "sshd_config"))
    kill_all(lambda: {*descendants(sshd), *marked(f"S4_HOST_CONFIG={folder}/host.json")})

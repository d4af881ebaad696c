"""Machines that are only an OpenSSH server of their own, on an address of their own. Needs no root."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from s4_devcloud.image import Image
from s4_devcloud.machines.cloud_config import UserDataRefused, parse
from s4_devcloud.machines.contract import BootFailed, MachineSpec
from s4_devcloud.machines.doors import Doors, tcp
from s4_devcloud.machines.network import Network, partner
from s4_devcloud.machines.remains import descendants, kill_all, marked, pid_in

POLL_SECONDS = 0.02
BANNER_SECONDS = 2.0
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
SetEnv PATH="{path}" S4_HOST_CONFIG="{folder}/host.json"
StrictModes no
Subsystem sftp internal-sftp
UseDNS no
UsePAM no
{host_keys}
"""


class SshdMachine:
    """One sshd and whatever was started through it."""

    def __init__(self, driver: "SshdDriver", spec: MachineSpec, address: str) -> None:
        self._driver, self._spec, self._address = driver, spec, address
        self._inner = partner(address)
        self._folder = driver.folder / spec.id
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._destroyed = False

    @property
    def id(self) -> str:
        return self._spec.id

    @property
    def address(self) -> str:
        return self._address

    def start(self) -> None:
        """Returns as soon as sshd runs. Raises BootFailed."""
        try:
            self._prepare()
            log = (self._folder / "console.log").open("wb")
            with log:
                self._process = subprocess.Popen(
                    [self._driver.sshd, "-D", "-e", "-f", str(self._folder / "sshd_config")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            (self._folder / "pid").write_text(f"{self._process.pid}\n")
        except (OSError, subprocess.CalledProcessError, UserDataRefused) as failed:
            self.destroy()
            raise BootFailed(f"{self.id}: {failed}") from failed

    def expose(self, port: int) -> None:
        with self._lock:
            if not self._destroyed:
                self._driver.doors.open(self.id, tcp(self._address, port), tcp(self._inner, port))

    def unexpose(self, port: int) -> None:
        self._driver.doors.shut(self.id, tcp(self._address, port))

    def wait_ssh(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                raise BootFailed(f"{self.id}: sshd ended; see {self._folder}/console.log")
            with suppress(OSError):
                if self._banner().startswith(b"SSH-"):
                    return
            time.sleep(POLL_SECONDS)
        raise BootFailed(f"{self.id}: no sshd within {seconds:.0f} s; see {self._folder}/console.log")

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def lose(self) -> None:
        with self._lock:
            self._kill()

    def destroy(self) -> None:
        with self._lock:
            if self._destroyed:
                return
            self._destroyed = True
            self._driver.doors.forget(self.id)
            self._kill()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._driver.gone(self)

    def _kill(self) -> None:
        kill_machine(self._folder)
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True)
        config = parse(self._spec.user_data)
        keys = [*config.authorized_keys, self._spec.public_key]
        (self._folder / "authorized_keys").write_text("".join(f"{key}\n" for key in keys if key))
        # For s4-host: processes of its own instead of systemd, below this folder, listening on this address.
        host = {"supervisor": "process", "root": str(self._folder / "grids"), "bind": self._inner}
        (self._folder / "host.json").write_text(json.dumps(host))
        host_keys = [self._host_key(kind, private) for kind, private in config.host_keys.items()]
        host_keys = host_keys or [self._made_host_key()]
        text = CONFIG.format(
            folder=self._folder,
            listen=self._inner,
            port=self._driver.ssh_port,
            path=f"{self._driver.image.layers[0]}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            host_keys="\n".join(f'HostKey "{path}"' for path in host_keys),
        )
        (self._folder / "sshd_config").write_text(text)

    def _host_key(self, kind: str, private: str) -> Path:
        path = self._folder / f"ssh_host_{kind}_key"
        path.touch(0o600)
        path.write_text(private if private.endswith("\n") else private + "\n")
        return path

    def _made_host_key(self) -> Path:
        path = self._folder / "ssh_host_ed25519_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        return path

    def _banner(self) -> bytes:
        with socket.create_connection((self._inner, self._driver.ssh_port), BANNER_SECONDS) as probe:
            return probe.recv(64)


class SshdDriver:
    """Starts an sshd per machine. Everyone logs in as the user who runs this."""

    def __init__(self, state: Path, image: Image, network: Network, ssh_port: int) -> None:
        self.image, self.doors = image, Doors()
        self._network, self._ssh_port = network, ssh_port
        self.folder = state.resolve() / "machines"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "sshd"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd confines its unprivileged half
        self._machines: dict[str, SshdMachine] = {}

    @property
    def ssh_port(self) -> int:
        return self._ssh_port

    @property
    def ssh_user(self) -> str | None:
        return getpass.getuser()

    @property
    def network(self) -> str:
        return str(self._network)

    def boot(self, spec: MachineSpec) -> SshdMachine:
        machine = SshdMachine(self, spec, self._network.take(self._ssh_port))
        self._machines[spec.id] = machine
        machine.start()
        return machine

    def gone(self, machine: SshdMachine) -> None:
        """The machine was destroyed: its address may be used again."""
        if self._machines.pop(machine.id, None):
            self._network.give_back(machine.address)

    def sweep(self) -> list[str]:
        left = [path for path in sorted(self.folder.iterdir()) if path.name not in self._machines]
        for folder in left:
            kill_machine(folder)
            shutil.rmtree(folder, ignore_errors=True)
        return [folder.name for folder in left]

    def close(self) -> None:
        for machine in list(self._machines.values()):
            machine.destroy()
        self.doors.close()
        self._network.release()


def kill_machine(folder: Path) -> None:
    """No process of this machine is left: not sshd, not its sessions, not what they put into the background."""
    sshd = pid_in(folder / "pid", str(folder / "sshd_config"))
    kill_all(lambda: {*descendants(sshd), *marked(f"S4_HOST_CONFIG={folder}/host.json")})

"""Machines that boot Debian with systemd: an overlay on the image, in a network namespace of their own. Needs root."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from s4_devcloud.image import Image
from s4_devcloud.machines import cgroups, netns
from s4_devcloud.machines.contract import BootFailed, MachineSpec
from s4_devcloud.machines.doors import Doors, tcp
from s4_devcloud.machines.network import Network
from s4_devcloud.machines.remains import pid_in, unmount_below

SSHD_PORT = 22  # inside the machine
POLL_SECONDS = 0.02
BANNER_SECONDS = 2.0
RUNTIME = Path("/run/systemd/nspawn")  # where systemd-nspawn keeps a folder for each machine


class NspawnMachine:
    """One booted machine."""

    def __init__(self, driver: "NspawnDriver", spec: MachineSpec, address: str, name: str) -> None:
        self._driver, self._spec, self._address, self._name = driver, spec, address, name
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
        """Returns as soon as systemd-nspawn runs. Raises BootFailed."""
        try:
            self._prepare_disk()
            self._prepare_network()
            self._process = self._launch()
        except (OSError, subprocess.CalledProcessError) as failed:
            self.destroy()
            detail = getattr(failed, "stderr", b"") or failed
            raise BootFailed(f"{self.id}: {detail!r}") from failed

    def expose(self, port: int) -> None:
        inner = SSHD_PORT if port == self._driver.ssh_port else port
        with self._lock:
            if not self._destroyed:
                to = tcp(self._spec.private_address, inner, self._name)
                self._driver.doors.open(self.id, tcp(self._address, port), to)

    def unexpose(self, port: int) -> None:
        self._driver.doors.shut(self.id, tcp(self._address, port))

    def wait_ssh(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                raise BootFailed(f"{self.id} died while it booted; see {self._folder}/console.log")
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
            remove(self._folder, self._name)
            self._driver.gone(self)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()  # its systemd dies with it: nspawn's children have that as their death signal
            self._process.wait()
        cgroups.kill(self._name)

    def _prepare_disk(self) -> None:
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir(parents=True)
        seed = self._folder / "upper/var/lib/cloud/seed/nocloud"
        seed.mkdir(parents=True)
        (seed / "user-data").write_bytes(self._spec.user_data or b"#cloud-config\n{}\n")
        hostname = "ip-" + self._spec.private_address.replace(".", "-")
        keys = [self._spec.public_key] if self._spec.public_key else []
        # dsmode local: all of cloud-init's first half happens in its earliest stage, before sshd may start.
        meta = {"instance-id": self.id, "local-hostname": hostname, "public-keys": keys, "dsmode": "local"}
        (seed / "meta-data").write_text(json.dumps(meta))
        etc = self._folder / "upper/etc"
        etc.mkdir()
        (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
        (etc / "hostname").write_text(hostname + "\n")
        lower = ":".join(str(layer) for layer in self._driver.image.layers)
        options = f"lowerdir={lower},upperdir={self._folder}/upper,workdir={self._folder}/work,volatile"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(self._folder / "root")]
        subprocess.run(mount, check=True, capture_output=True)

    def _prepare_network(self) -> None:
        netns.create(self._name, self._spec.private_address)
        if self._spec.metadata_socket is not None:
            at = tcp(netns.METADATA_ADDRESS, 80, self._name)
            self._driver.doors.open(self.id, at, {"unix": str(self._spec.metadata_socket)})
        for address, port in self._spec.reachable:
            self._driver.doors.open(self.id, tcp(address, port, self._name), tcp(address, port))

    def _launch(self) -> subprocess.Popen[bytes]:
        joins = [str(group / "cgroup.procs") for group in cgroups.create(self._name)]
        nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no"]
        nspawn += ["--directory", str(self._folder / "root"), f"--machine={self._name}", "--timezone=off"]
        nspawn += [f"--network-namespace-path={netns.FOLDER / self._name}", "--resolv-conf=off"]
        nspawn += ["--boot", "--console=pipe"]
        # The shell joins the machine's control groups before it becomes nspawn.
        join = 'for at in $JOINS; do echo $$ > "$at"; done; unset JOINS; exec "$@"'
        with (self._folder / "console.log").open("wb") as console:
            process = subprocess.Popen(
                ["sh", "-c", join, "sh", *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={**os.environ, "JOINS": " ".join(joins), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                start_new_session=True,
            )
        (self._folder / "pid").write_text(f"{process.pid}\n")
        return process

    def _banner(self) -> bytes:
        with netns.make_socket(self._name) as probe:
            probe.settimeout(BANNER_SECONDS)
            probe.connect((self._spec.private_address, SSHD_PORT))
            return probe.recv(64)


class NspawnDriver:
    """Boots the image; user-data decides who logs in."""

    def __init__(self, state: Path, image: Image, network: Network, ssh_port: int = SSHD_PORT) -> None:
        self.image, self.doors = image, Doors()
        self._network, self._ssh_port = network, ssh_port
        self.folder = state.resolve() / "machines"
        self.folder.mkdir(parents=True, exist_ok=True)
        # Unique to the state folder: what has this prefix is ours to remove, and nobody else's.
        self.prefix = f"s4-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}-"
        self._machines: dict[str, NspawnMachine] = {}

    @property
    def ssh_port(self) -> int:
        return self._ssh_port

    @property
    def ssh_user(self) -> str | None:
        return None

    @property
    def network(self) -> str:
        return str(self._network)

    def boot(self, spec: MachineSpec) -> NspawnMachine:
        name = self.prefix + spec.id.removeprefix("i-")
        machine = NspawnMachine(self, spec, self._network.take(self._ssh_port), name)
        self._machines[spec.id] = machine
        machine.start()
        return machine

    def gone(self, machine: NspawnMachine) -> None:
        """The machine was destroyed: its address may be used again."""
        if self._machines.pop(machine.id, None):
            self._network.give_back(machine.address)

    def sweep(self) -> list[str]:
        own = {self.prefix + id_.removeprefix("i-") for id_ in self._machines}
        left = {self.prefix + path.name.removeprefix("i-"): path for path in self.folder.iterdir()}
        names = {*left, *netns.named(self.prefix), *cgroups.named(self.prefix)} - own
        for name in sorted(names):
            remove(left.get(name, self.folder / name.removeprefix(self.prefix)), name)
        return sorted(left[name].name if name in left else name for name in names)

    def close(self) -> None:
        for machine in list(self._machines.values()):
            machine.destroy()
        self.doors.close()
        self._network.release()


def remove(folder: Path, name: str) -> None:
    """No process, mount, namespace, control group or file of this machine is left."""
    if (pid := pid_in(folder / "pid", f"--machine={name}")) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    cgroups.kill(name)
    unmount_below(folder)
    netns.delete(name)
    shutil.rmtree(folder, ignore_errors=True)
    for kept in ("propagate", "unix-export"):
        shutil.rmtree(RUNTIME / kept / name, ignore_errors=True)

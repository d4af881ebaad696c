"""Machines that boot Debian with systemd: an overlay on the image, in namespaces of their own. Needs root."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from s4_devcloud.image import Image
from s4_devcloud.machines import cgroups, netns
from s4_devcloud.machines.contract import MachineSpec
from s4_devcloud.machines.doors import tcp
from s4_devcloud.machines.local import LocalDriver, LocalMachine
from s4_devcloud.machines.network import Network
from s4_devcloud.machines.remains import pid_in, unmount_below

SSHD_PORT = 22  # inside the machine
RUNTIME = Path("/run/systemd/nspawn")  # where systemd-nspawn keeps a folder for each machine
# A shell joins the machine's control groups before it becomes systemd-nspawn.
JOIN = 'for at in $JOINS; do echo $$ > "$at"; done; unset JOINS; exec "$@"'


class NspawnMachine(LocalMachine):
    """One booted machine; `name` is unique on this host."""

    def __init__(self, driver: "NspawnDriver", spec: MachineSpec, address: str) -> None:
        super().__init__(spec, address, driver.folder / spec.id, driver.doors, driver.ssh_port)
        self._driver = driver
        self._name = driver.name_of(spec.id)

    def _launch(self) -> subprocess.Popen[bytes]:
        self._prepare_disk()
        self._prepare_network()
        joins = [str(group / "cgroup.procs") for group in cgroups.create(self._name)]
        nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no"]
        nspawn += ["--directory", str(self.folder / "root"), f"--machine={self._name}", "--timezone=off"]
        nspawn += [f"--network-namespace-path={netns.FOLDER / self._name}", "--resolv-conf=off"]
        nspawn += ["--boot", "--console=pipe"]
        with (self.folder / "console.log").open("wb") as console:
            return subprocess.Popen(
                ["sh", "-c", JOIN, "sh", *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={**os.environ, "JOINS": " ".join(joins), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                start_new_session=True,
            )

    def _prepare_disk(self) -> None:
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        seed = self.folder / "upper/var/lib/cloud/seed/nocloud"
        seed.mkdir(parents=True)
        (seed / "user-data").write_bytes(self.spec.user_data or b"#cloud-config\n{}\n")
        hostname = "ip-" + self.spec.private_address.replace(".", "-")
        keys = [self.spec.public_key] if self.spec.public_key else []
        # dsmode local: all of cloud-init's first half happens in its earliest stage, before sshd may start.
        meta = {"instance-id": self.id, "local-hostname": hostname, "public-keys": keys, "dsmode": "local"}
        (seed / "meta-data").write_text(json.dumps(meta))
        etc = self.folder / "upper/etc"
        etc.mkdir()
        (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
        (etc / "hostname").write_text(hostname + "\n")
        lower = ":".join(str(layer) for layer in self._driver.image.layers)
        options = f"lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work,volatile"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(self.folder / "root")]
        subprocess.run(mount, check=True, capture_output=True)

    def _prepare_network(self) -> None:
        netns.create(self._name, self.spec.private_address)
        if self.spec.metadata_socket is not None:
            at = tcp(netns.METADATA_ADDRESS, 80, self._name)
            self.doors.open(self.id, at, {"unix": str(self.spec.metadata_socket)})
        for address, port in self.spec.reachable:
            self.doors.open(self.id, tcp(address, port, self._name), tcp(address, port))

    def _inside(self, port: int) -> dict[str, Any]:
        inner = SSHD_PORT if port == self._driver.ssh_port else port
        return tcp(self.spec.private_address, inner, self._name)

    def _call_sshd(self, seconds: float) -> socket.socket:
        line = netns.make_socket(self._name)
        try:
            line.settimeout(seconds)
            line.connect((self.spec.private_address, SSHD_PORT))
        except OSError:
            line.close()
            raise
        return line

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()  # its systemd dies with it: nspawn's children have that as their death signal
            self._process.wait()
        cgroups.kill(self._name)

    def _remove(self) -> None:
        remove(self.folder, self._name)
        self._driver.forget(self)


class NspawnDriver(LocalDriver[NspawnMachine]):
    """Boots the image; user-data decides who logs in."""

    def __init__(self, state: Path, image: Image, network: Network, ssh_port: int = SSHD_PORT) -> None:
        super().__init__(state, image, network, ssh_port)
        self._prefix = prefix_of(self.folder)

    @property
    def ssh_user(self) -> str | None:
        """Nobody in particular: user-data decides."""
        return None

    def name_of(self, machine_id: str) -> str:
        """What the machine's processes, control groups and network namespace are called."""
        return self._prefix + machine_id.removeprefix("i-")

    def _machine(self, spec: MachineSpec, address: str) -> NspawnMachine:
        return NspawnMachine(self, spec, address)


def prefix_of(folder: Path) -> str:
    """Unique to the folder of the machines: what has this prefix is ours to remove, and nobody else's."""
    return f"s4-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}-"


def sweep(state: Path) -> list[str]:
    """Remove every machine that a killed driver left in this state folder; their ids."""
    folder = state.resolve() / "machines"
    prefix = prefix_of(folder)
    ids = {path.name for path in folder.glob("i-*")}
    ids |= {f"i-{name.removeprefix(prefix)}" for name in (*netns.named(prefix), *cgroups.named(prefix))}
    for machine_id in sorted(ids):
        remove(folder / machine_id, prefix + machine_id.removeprefix("i-"))
    return sorted(ids)


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

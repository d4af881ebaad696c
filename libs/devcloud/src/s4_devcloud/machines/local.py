"""What both drivers do alike: addresses, doors, waiting for sshd, and the order in which a machine ends."""

import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from s4_devcloud.image import Image
from s4_devcloud.machines.cloud_config import UserDataRefused
from s4_devcloud.machines.contract import BootFailed, MachineSpec
from s4_devcloud.machines.crowd.behaviour import BehaviourRefused
from s4_devcloud.machines.doors import Doors, Place, tcp
from s4_devcloud.machines.network import Network
from s4_devcloud.machines.ranges import Ranges, count, holds, merged, of_ports, ports_of, without

EAGER = 64  # ports; each has a listener here
POLL_SECONDS = 0.02
BANNER_SECONDS = 2.0


class LocalMachine(ABC):
    """A machine on this host; a driver's own kind says how it starts, dies and is cleaned up."""

    def __init__(self, spec: MachineSpec, address: str, folder: Path, doors: Doors, ssh_port: int) -> None:
        self.spec, self.folder, self.doors, self.ssh_port = spec, folder, doors, ssh_port
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._destroyed = self._is_watched = False
        self._allowed: Ranges = ()
        self._eager: set[int] = set()

    @property
    def id(self) -> str:
        """The id from its spec."""
        return self.spec.id

    @property
    def address(self) -> str:
        """The loopback address under which this machine alone answers."""
        return self._address

    def start(self) -> None:
        """Return while it boots. Raises BootFailed, and then nothing of it is left."""
        try:
            self._process = self._launch()
            (self.folder / "pid").write_text(f"{self._process.pid}\n")
        except (OSError, subprocess.CalledProcessError, UserDataRefused) as failed:
            self.destroy()
            detail = getattr(failed, "stderr", None) or failed
            raise BootFailed(f"{self.id}: {detail}") from failed

    def allow(self, ranges: Ranges) -> set[int]:
        """Connections to `address` at these ports reach the machine, at others they are refused.

        Few ports are listened on at once, and of many those on which the machine listens itself.
        """
        with self._lock:
            if self._destroyed:
                return set()
            self._allowed = ranges
            ssh = self.ssh_port
            eager = set(ports_of(ranges) if count(ranges) <= EAGER else [ssh] if holds(ranges, ssh) else [])
            self.doors.shut(self.id, *(self._door(port) for port in self._eager - eager))
            ports = sorted(eager)
            errnos = self.doors.open_all(self.id, [(self._door(port), self._inside(port)) for port in ports])
            self._eager = eager
            inside = {name: value for name, value in self._inside(0).items() if name != "port"}
            if count(ranges) > EAGER or self._is_watched:
                self._is_watched = True
                self.doors.watch(self.id, self._address, inside, without(ranges, eager))
        return {port for port, errno in zip(ports, errnos, strict=True) if errno}

    def expose(self, *ports: int) -> set[int]:
        """These ports are allowed, too."""
        return self.allow(merged((*self._allowed, *of_ports(ports)))) & set(ports)

    def unexpose(self, *ports: int) -> None:
        """These ports are not allowed any more."""
        self.allow(without(self._allowed, ports))

    def _door(self, port: int) -> Place:
        return tcp(self._address, port) | ({"tells": True} if port == self.ssh_port else {})

    def cut_off(self) -> None:
        """The machine lives, but who calls gets no answer, neither on new connections nor on those there are."""
        with self._lock:
            if not self._destroyed:
                self.doors.silence(self.id)

    def reconnect(self) -> None:
        """The machine is reached as before."""
        with self._lock:
            if not self._destroyed:
                self.doors.speak(self.id)

    def behave(self, changes: dict[str, Any]) -> None:  # noqa: ARG002  only a crowd can
        """Raises BehaviourRefused: what a real machine does is up to what runs on it."""
        raise BehaviourRefused("only machines of the driver crowd misbehave on demand")

    def wait_ssh(self, seconds: float) -> None:
        """Return when sshd answers. Raises BootFailed after `seconds`, or at once when the machine died."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                raise BootFailed(f"{self.id} died while it booted; see {self.folder}/console.log")
            with suppress(OSError), self._call_sshd(BANNER_SECONDS) as line:
                if line.recv(64).startswith(b"SSH-"):
                    return
            time.sleep(POLL_SECONDS)
        raise BootFailed(f"{self.id}: no sshd within {seconds:.0f} s; see {self.folder}/console.log")

    def alive(self) -> bool:
        """The machine runs."""
        return self._process is not None and self._process.poll() is None

    def lose(self) -> None:
        """The machine stops as in a power cut; its disk and its address stay until it is destroyed."""
        with self._lock:
            self._kill()

    def destroy(self) -> None:
        """Nothing of the machine is left: no process, no disk, no listener."""
        with self._lock:
            if not self._destroyed:
                self._destroyed = True
                self.doors.forget(self.id)
                self._kill()
                self._remove()

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _kill(self) -> None: ...

    @abstractmethod
    def _remove(self) -> None: ...

    @abstractmethod
    def _inside(self, port: int) -> dict[str, Any]: ...

    @abstractmethod
    def _call_sshd(self, seconds: float) -> socket.socket: ...


M = TypeVar("M", bound=LocalMachine)


class LocalDriver(ABC, Generic[M]):
    """The machines of one state folder."""

    has_metadata = True

    def __init__(self, state: Path, image: Image, network: Network, ssh_port: int) -> None:
        self.image, self.doors = image, Doors()
        self.folder = state.resolve() / "machines"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._network, self._ssh_port = network, ssh_port
        self.machines: dict[str, M] = {}

    @property
    def ssh_port(self) -> int:
        """The port that leads to sshd when it is exposed."""
        return self._ssh_port

    @property
    def network(self) -> str:
        """The addresses that machines get."""
        return str(self._network)

    def boot(self, spec: MachineSpec) -> M:
        """Start a machine and return while it boots. Raises BootFailed, NetworkTaken."""
        machine = self._machine(spec, self._network.take(self._ssh_port))
        self.machines[spec.id] = machine
        machine.start()
        return machine

    def forget(self, machine: LocalMachine) -> None:
        """The machine is gone: its address may be used again."""
        if self.machines.pop(machine.id, None):
            self._network.give_back(machine.address)

    def close(self) -> None:
        """Destroy all machines and give back the network."""
        for machine in list(self.machines.values()):
            machine.destroy()
        self.doors.close()
        self._network.release()

    @abstractmethod
    def _machine(self, spec: MachineSpec, address: str) -> M: ...

"""Our side of the crowd: the driver and its machines, which are told what to do through one pipe."""

import json
import subprocess
import sys
import threading
import time
from typing import Any

import asyncssh

from s4_devcloud.machines.cloud_config import UserDataRefused, parse
from s4_devcloud.machines.contract import BootFailed, MachineSpec
from s4_devcloud.machines.crowd.behaviour import BehaviourRefused
from s4_devcloud.machines.network import WideNetwork
from s4_devcloud.machines.ranges import Ranges, merged, of_ports, without


class Pipe:
    """Commands for the process of the crowd, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "s4_devcloud.machines.crowd.server"]
        # Ctrl-C is for us; the crowd ends when we let go of its stdin
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def ask(self, **command: Any) -> dict[str, Any]:
        """The answer. Raises BootFailed when the crowd is gone."""
        with self._lock:
            if self._process.stdin is None or self._process.stdout is None or self._process.stdin.closed:
                return {}
            try:
                self._process.stdin.write(json.dumps(command).encode() + b"\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except BrokenPipeError:
                line = b""
        if not line:
            raise BootFailed("the process that answers for the crowd has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """The process has ended."""
        with self._lock:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process.kill()
            self._process.wait()


class CrowdMachine:
    """One machine of the crowd."""

    def __init__(self, driver: "CrowdDriver", spec: MachineSpec, address: str) -> None:
        self.id, self.address = spec.id, address
        self._driver, self._pipe = driver, driver.pipe
        self._allowed: Ranges = ()
        self._up_at = time.monotonic() + driver.boot_seconds
        self._is_alive, self._is_destroyed = True, False
        self._lock = threading.RLock()

    def start(self, spec: MachineSpec) -> None:
        """It boots. Raises BootFailed."""
        try:
            config = parse(spec.user_data)
        except UserDataRefused as refused:
            raise BootFailed(f"{self.id}: {refused}") from refused
        keys = list(config.host_keys.values()) or [
            asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        ]
        authorized = [key for key in (*config.authorized_keys, spec.public_key) if key]
        place = {"address": self.address, "ssh_port": self._driver.ssh_port}
        answer = self._pipe.ask(do="boot", id=self.id, **place, host_keys=keys, authorized=authorized)
        if "failed" in answer:
            raise BootFailed(f"{self.id}: {answer['failed']}")

    def allow(self, ranges: Ranges) -> set[int]:
        """Connections to `address` at these ports reach the machine, at others they are refused."""
        with self._lock:
            self._allowed = ranges
            if not self._is_alive:
                return set()
            return set(self._pipe.ask(do="allow", id=self.id, ranges=ranges).get("taken", []))

    def expose(self, *ports: int) -> set[int]:
        """These ports are allowed, too."""
        return self.allow(merged((*self._allowed, *of_ports(ports)))) & set(ports)

    def unexpose(self, *ports: int) -> None:
        """These ports are not allowed any more."""
        self.allow(without(self._allowed, ports))

    def cut_off(self) -> None:
        """The machine lives, but who calls gets no answer."""
        self._pipe.ask(do="cut-off", id=self.id)

    def reconnect(self) -> None:
        """The machine is reached as before."""
        self._pipe.ask(do="reconnect", id=self.id)

    def behave(self, changes: dict[str, Any]) -> None:
        """It misbehaves from now on; an empty change makes it well. Raises BehaviourRefused."""
        answer = (
            self._pipe.ask(do="behave", id=self.id, changes=changes)
            if changes
            else self._pipe.ask(do="well", id=self.id)
        )
        if "refused" in answer:
            raise BehaviourRefused(answer["refused"])

    def wait_ssh(self, seconds: float) -> None:
        """Return when it is up. Raises BootFailed after `seconds`, or when the machine died."""
        left = self._up_at - time.monotonic()
        time.sleep(max(0.0, min(left, seconds)))
        if not self._is_alive or left > seconds:
            raise BootFailed(f"{self.id} died while it booted" if not self._is_alive else f"{self.id}: still booting")

    def alive(self) -> bool:
        """The machine runs."""
        return self._is_alive

    def lose(self) -> None:
        """The machine stops as in a power cut; its address stays until it is destroyed."""
        with self._lock:
            self._is_alive = False
            self._pipe.ask(do="end", id=self.id)

    def destroy(self) -> None:
        """Nothing of the machine is left."""
        with self._lock:
            self._is_alive = False
            if not self._is_destroyed:
                self._is_destroyed = True
                self._pipe.ask(do="destroy", id=self.id)
                self._driver.forget(self)


class CrowdDriver:
    """Boots machines that take no time, no memory to speak of, and no root."""

    ssh_user = None
    has_metadata = False

    def __init__(self, network: WideNetwork, ssh_port: int, boot_seconds: float) -> None:
        self.pipe, self.boot_seconds, self.ssh_port = Pipe(), boot_seconds, ssh_port
        self._network = network
        self._machines: dict[str, CrowdMachine] = {}

    @property
    def network(self) -> str:
        """The addresses that machines get."""
        return str(self._network)

    def boot(self, spec: MachineSpec) -> CrowdMachine:
        """Start a machine and return while it boots. Raises BootFailed, NetworkTaken."""
        machine = CrowdMachine(self, spec, self._network.take())
        try:
            machine.start(spec)
        except BootFailed:
            self._network.give_back(machine.address)
            raise
        self._machines[spec.id] = machine
        return machine

    def forget(self, machine: CrowdMachine) -> None:
        """The machine is gone: its address may be used again."""
        if self._machines.pop(machine.id, None):
            self._network.give_back(machine.address)

    def close(self) -> None:
        """Destroy all machines and give back the network."""
        self.pipe.close()
        self._machines.clear()
        self._network.release()

"""The instances that moto knows, and the machines behind them."""

import base64
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from s4_devcloud.aws.faults import Faults
from s4_devcloud.aws.health import Health
from s4_devcloud.machines import BootFailed, Driver, Machine, MachineSpec
from s4_devcloud.machines.crowd.behaviour import BehaviourRefused
from s4_devcloud.machines.ranges import Ranges, merged

BOOT_SECONDS = 120.0
PENDING, RUNNING, TERMINATED = ("pending", 0), ("running", 16), ("terminated", 48)


class MetadataDoor(Protocol):
    """Serves instance metadata on a Unix socket."""

    def open(self, instance: Any) -> Path:
        """The socket for this instance."""
        ...

    def shut(self, instance_id: str) -> None:
        """The socket is gone."""
        ...


@dataclass
class Berth:
    """One instance and its machine."""

    instance: Any
    machine: Machine | None = None
    exposed: Ranges = ()
    blocked: set[int] = field(default_factory=set)
    is_up: bool = False
    health: Health = field(default_factory=Health)
    boot_seconds: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)


class Fleet:
    """Boots, exposes and destroys machines as their instances come, change and go."""

    def __init__(self, driver: Driver, faults: Faults, metadata: MetadataDoor, api: tuple[str, int]) -> None:
        self.driver, self.faults, self._metadata, self._api = driver, faults, metadata, api
        self._berths: dict[str, Berth] = {}

    def launch(self, instance: Any, public_key: str) -> None:
        """The instance is pending; it will be running when sshd answers, or terminated with a reason."""
        _show(instance, PENDING)
        instance.nics[0].public_ip_auto_assign = False  # the address is the machine's
        instance.nics[0].public_ip = None
        berth = self._berths[instance.id] = Berth(instance)
        threading.Thread(target=self._boot, args=(berth, public_key), daemon=True, name=f"boot {instance.id}").start()

    def sync_ports(self) -> None:
        """Every running machine answers on the ports that its security groups allow now, and on no other."""
        known: dict[str, Ranges] = {}
        for berth in list(self._berths.values()):
            self._sync(berth, known)

    def ended(self, instance_id: str) -> None:
        """The instance was terminated: its machine is destroyed when this returns."""
        berth = self._berths.get(instance_id)
        if berth is None:
            return
        with berth.lock:
            machine, berth.machine = berth.machine, None
            berth.exposed = ()
            berth.instance.nics[0].public_ip = None
            if machine is not None:
                machine.destroy()
                self._metadata.shut(instance_id)
                say(f"{instance_id} destroyed")

    def lose(self, instance_id: str, shows: Literal["impaired", "terminated"]) -> bool:
        """Kill the machine as a power cut would; False when there is none."""
        berth = self._berths.get(instance_id)
        if berth is None or berth.machine is None:
            return False
        with berth.lock:
            berth.health.is_lost = True
            berth.machine.lose()
            say(f"{instance_id} lost, shows {shows}")
            if shows == "terminated":
                _explain(berth.instance, "Server.InternalError", "Server.InternalError: Internal error on launch host")
                self.ended(instance_id)
        return True

    def cut_off(self, instance_id: str, *, is_cut: bool) -> bool:
        """The machine lives and nobody gets an answer from it, or it is reached again; False when there is none."""
        berth = self._berths.get(instance_id)
        if berth is None or berth.machine is None:
            return False
        with berth.lock:
            berth.health.is_cut = is_cut
            if is_cut:
                berth.machine.cut_off()
            else:
                berth.machine.reconnect()
            say(f"{instance_id} {'cut off' if is_cut else 'reached again'}")
        return True

    def behave(self, instance_id: str, changes: dict[str, Any]) -> bool:
        """The machine misbehaves, or with no change is well; False when there is none. Raises BehaviourRefused."""
        berth = self._berths.get(instance_id)
        if berth is None or berth.machine is None:
            return False
        berth.machine.behave(changes)
        return True

    def running(self) -> list[str]:
        """The ids of the instances that have come up."""
        return [instance_id for instance_id, berth in list(self._berths.items()) if berth.is_up and berth.machine]

    def health(self, instance_id: str) -> Health | None:
        """What is wrong with the instance and what EC2 shall say of it; None for one that does not run."""
        berth = self._berths.get(instance_id)
        if berth is None or berth.instance.state != "running":
            return None
        if berth.machine is None or not berth.machine.alive():
            berth.health.is_lost = True
        return berth.health

    def is_impaired(self, instance_id: str) -> bool:
        """The instance is said to run, but EC2's checks of it fail."""
        health = self.health(instance_id)
        return health is not None and bool(health.failed_checks())

    def end_all(self) -> None:
        """No machine is left, and no instance is remembered."""
        for instance_id in list(self._berths):
            self.ended(instance_id)
        self._berths.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Every instance ever started, in JSON form."""
        return [_described(berth, impaired=self.is_impaired(id_)) for id_, berth in list(self._berths.items())]

    def _boot(self, berth: Berth, public_key: str) -> None:
        instance, began = berth.instance, time.monotonic()
        if fault := self.faults.take("failed-boot"):
            self._boot_failed(berth, fault.message)
            return
        try:
            slow = self.faults.take("slow-boot")
            with berth.lock:
                if instance.state == "terminated":
                    return
                berth.machine = machine = self.driver.boot(self._spec(instance, public_key))
                instance.nics[0].public_ip = machine.address
            if bad := self.faults.take("bad-boot"):
                machine.behave(bad.behaviour)
            machine.wait_ssh(BOOT_SECONDS)
            if slow:
                time.sleep(max(0.0, slow.seconds - (time.monotonic() - began)))
        except (BootFailed, BehaviourRefused, OSError) as failed:
            self._boot_failed(berth, str(failed))
            return
        with berth.lock:
            if instance.state != "pending":
                return
            berth.boot_seconds = round(time.monotonic() - began, 2)
            berth.is_up = True
            self._sync(berth, {})  # first: who sees it running may connect at once
            _show(instance, RUNNING)
        say(f"{instance.id} running at {machine.address} after {berth.boot_seconds} s")

    def _boot_failed(self, berth: Berth, detail: str) -> None:
        with berth.lock:
            if berth.instance.state == "terminated":
                return  # it was terminated while it booted: that is why
            say(f"{berth.instance.id} failed to boot: {detail}")
            _explain(berth.instance, "Server.InternalError", f"Server.InternalError: {detail}")
            self.ended(berth.instance.id)

    def _spec(self, instance: Any, public_key: str) -> MachineSpec:
        return MachineSpec(
            id=instance.id,
            private_address=instance.private_ip,
            user_data=user_data_of(instance),
            public_key=public_key,
            metadata_socket=self._metadata.open(instance) if self.driver.has_metadata else None,
            reachable=(self._api,),
        )

    def _sync(self, berth: Berth, known: dict[str, Ranges]) -> None:
        with berth.lock:
            machine = berth.machine
            if machine is None or not berth.is_up:
                return
            wanted = open_ports(berth.instance, known)
            if wanted == berth.exposed and not berth.blocked:
                return
            berth.exposed, berth.blocked = wanted, machine.allow(wanted)
            for port in sorted(berth.blocked):
                say(f"{machine.id}: port {port} cannot answer at {machine.address}: it is taken")


def groups_of(instance: Any) -> dict[str, Any]:
    """The security groups of an instance, by id: its own and those of its network interfaces."""
    found = [*instance.security_groups, *(group for nic in instance.nics.values() for group in nic.group_set)]
    return {group.id: group for group in found}


def user_data_of(instance: Any) -> bytes:
    """What the instance was given at launch, decoded; empty when nothing was."""
    return base64.b64decode(instance.user_data.as_bytes()) if instance.user_data else b""


def open_ports(instance: Any, known: dict[str, Ranges]) -> Ranges:
    """The TCP ports that any of its groups opens; `known` remembers those of groups that were looked at before."""
    groups = groups_of(instance)
    for group_id in groups.keys() - known.keys():
        known[group_id] = _opened_by(groups[group_id])
    found = [known[group_id] for group_id in groups]
    return found[0] if len(found) == 1 else merged(each for ranges in found for each in ranges)


def _opened_by(group: Any) -> Ranges:
    """Every TCP port that a rule for an address range opens."""
    rules = [rule for rule in group.ingress_rules if rule.ip_range and str(rule.ip_protocol) in {"tcp", "6", "-1"}]
    return merged((max(int(rule.from_port or 1), 1), min(int(rule.to_port or 65535), 65535)) for rule in rules)


def say(text: str) -> None:
    """A line for whoever watches the local cloud; the API's answers never depend on it."""
    print(f"aws: {text}", file=sys.stderr, flush=True)  # noqa: T201  a program's own log


def _show(instance: Any, state: tuple[str, int]) -> None:
    instance._state.name, instance._state.code = state  # noqa: SLF001  moto has no setter


def _explain(instance: Any, code: str, message: str) -> None:
    instance.terminate()
    instance.state_reason.code, instance.state_reason.message = code, message


def _described(berth: Berth, *, impaired: bool) -> dict[str, Any]:
    instance, machine = berth.instance, berth.machine
    return {
        "instance_id": instance.id,
        "state": instance.state,
        "impaired": impaired,
        "unreachable": berth.health.is_cut,
        "events": [event.code for event in berth.health.events],
        "client_token": instance.client_token,
        "private_address": instance.private_ip,
        "address": machine.address if machine else None,
        "alive": machine.alive() if machine else False,
        "open_ports": berth.exposed,
        "blocked_ports": sorted(berth.blocked),
        "boot_seconds": berth.boot_seconds,
    }
